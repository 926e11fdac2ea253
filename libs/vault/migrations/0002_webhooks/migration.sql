-- The secrets that webhooks are signed with.
select entrust('webhooks', false, 'gateway');
