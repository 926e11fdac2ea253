-- A folder that is renamed is known again where the server names folders by an id of their own (RFC 8474); empty where it does not.

alter table folder add column mailbox_id text not null default '';
