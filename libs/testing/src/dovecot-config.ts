// Writes the configuration of a Dovecot 2.3 that runs beside any other, on ports of 127.0.0.1 and in one folder.
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { isRoot } from './users.js';

export interface DovecotPorts {
  imap: number;
  imaps: number;
  lmtp: number;
  submission: number;
  submissions: number;
}

export interface DovecotConfig {
  folder: string;
  ports: DovecotPorts;
  relayPort: number;
  /** Between the names of nested folders. */
  separator: string;
  /** Access tokens are let in beside passwords, if so. */
  oauth: boolean;
  /** More lines at the end, for what a test wants otherwise. */
  extra: string;
}

export const paths = (folder: string) => ({
  config: join(folder, 'dovecot.conf'),
  log: join(folder, 'dovecot.log'),
  dict: join(folder, 'users.conf'),
  oauth: join(folder, 'oauth2.conf'),
  users: join(folder, 'users'),
  cert: join(folder, 'cert.pem'),
  key: join(folder, 'key.pem'),
  mail: join(folder, 'mail'),
  run: join(folder, 'run'),
});

const SPECIAL_FOLDERS = { Sent: '\\Sent', Drafts: '\\Drafts', Trash: '\\Trash', Junk: '\\Junk', Archive: '\\Archive' };
const PROCESS_LIMIT = 2_500;
const CLIENT_LIMIT = 12_000;

export function dovecotConfig(config: DovecotConfig): string {
  return [general(config), users(config), mailboxes(config.separator), services(config), config.extra, ''].join('\n');
}

function general({ folder, relayPort }: DovecotConfig): string {
  const at = paths(folder);
  return `
protocols = imap lmtp submission
listen = 127.0.0.1
base_dir = ${at.run}
state_dir = ${join(folder, 'state')}
log_path = ${at.log}
ssl = yes
ssl_cert = <${at.cert}
ssl_key = <${at.key}
ssl_dh =
mail_location = mdbox:~/mdbox
mail_fsync = never
mail_max_userip_connections = 5000
first_valid_uid = 1
first_valid_gid = 1
hostname = localhost
submission_host = 127.0.0.1:${relayPort}
submission_relay_host = 127.0.0.1
submission_relay_port = ${relayPort}
submission_relay_ssl = no
protocol lmtp {
  auth_username_format = %Lu
  postmaster_address = postmaster@localhost
}`;
}

function users({ folder, oauth }: DovecotConfig): string {
  const { dict, oauth: tokens } = paths(folder);
  const byToken = `passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = ${tokens}\n}`;
  return `
auth_mechanisms = plain login${oauth ? ' xoauth2 oauthbearer' : ''}
auth_failure_delay = 0
auth_cache_size = 0
disable_plaintext_auth = yes
${oauth ? byToken : ''}
passdb {
  driver = dict
  args = ${dict}
}
userdb {
  driver = dict
  args = ${dict}
}`;
}

/** One small file per user and purpose, read at every login: Dovecot looks at a passwd-file again only once a second. */
export function usersConfig(folder: string): string {
  return `
uri = fs:posix:prefix=${paths(folder).users}/
iterate_disable = yes
passdb_objects = passdb
userdb_objects = userdb
key passdb {
  key = passdb/%Lu
  format = json
}
key userdb {
  key = userdb/%Lu
  format = json
}
`;
}

/** Asks for each token at each login whether it is good; its `sub` is the user. */
export function oauthConfig(introspectionUrl: string, caFile: string): string {
  return `
introspection_mode = post
introspection_url = ${introspectionUrl}
username_attribute = sub
active_attribute = active
active_value = true
tls_ca_cert_file = ${caFile}
timeout_msecs = 5000
`;
}

function mailboxes(separator: string): string {
  const special = Object.entries(SPECIAL_FOLDERS).map(
    ([name, use]) => `  mailbox ${name} {\n    auto = subscribe\n    special_use = ${use}\n  }`,
  );
  return `namespace inbox {\n  inbox = yes\n  separator = ${separator}\n${special.join('\n')}\n}`;
}

function services({ ports }: DovecotConfig): string {
  const login = 'service_count = 0\n  process_min_avail = 1\n  client_limit = 4000\n  vsz_limit = 1G';
  return `
default_process_limit = ${PROCESS_LIMIT}
default_client_limit = ${CLIENT_LIMIT}
${asOneself()}
service imap-login {
  ${login}
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = ${ports.imaps}
    ssl = yes
  }
}
service submission-login {
  ${login}
  inet_listener submission {
    port = ${ports.submission}
  }
  inet_listener submissions {
    port = ${ports.submissions}
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    port = ${ports.lmtp}
  }
  service_count = 0
}
service imap {
  process_limit = ${PROCESS_LIMIT}
  vsz_limit = 1G
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}`;
}

/** Who is not root can neither change user nor root directory: then all of Dovecot runs as oneself. */
function asOneself(): string {
  if (isRoot()) return '';
  const { username } = userInfo();
  const chrooted = ['imap-login', 'submission-login', 'anvil', 'stats', 'ipc', 'imap-urlauth-login', 'old-stats'];
  const own = `default_internal_user = ${username}\ndefault_internal_group =\ndefault_login_user = ${username}`;
  return [own, ...chrooted.map((service) => `service ${service} {\n  chroot =\n}`)].join('\n');
}
