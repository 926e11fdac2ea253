// The settings of this role: where it listens, by which names it may be called, who signs in first, and where webhooks may lead.
import { z } from 'zod';
import { Private } from '@rejoinder/base/private';
import { hostAndPort, numberSetting, optionalSetting, textSetting, type Setting, type Values } from '@rejoinder/runtime/config';
import { nameServersSetting, networksSetting, portsSetting } from '@rejoinder/runtime/outside';

const minSecretLength = 16;

/** A secret that may be absent, but must not be guessable. */
function optionalSecret(env: string, meaning: string): Setting<Private<string> | undefined> {
  const schema = z
    .string()
    .optional()
    .transform((value, context) => {
      if (!value) return undefined;
      if (value.length >= minSecretLength) return new Private(value);
      context.addIssue({ code: 'custom', message: `must have ${minSecretLength} characters or more` });
      return z.NEVER;
    });
  return { env, meaning, schema, secret: true };
}

export const settings = {
  httpListen: textSetting('REJOINDER_HTTP_LISTEN', 'where REST and the console are served, host:port', '127.0.0.1:7420', hostAndPort),
  httpHosts: textSetting(
    'REJOINDER_HTTP_HOSTS',
    'names under which it is called beside the one it listens on, host or host:port, joined by commas',
    '',
  ),
  httpTrustedProxies: networksSetting(
    'REJOINDER_HTTP_TRUSTED_PROXIES',
    'CIDRs of the reverse proxies before it, whose X-Forwarded-For is believed',
  ),
  consoleToken: optionalSecret('REJOINDER_CONSOLE_TOKEN', 'signs the local console in, once; nobody can sign in if empty'),
  bootstrapApiKey: optionalSecret('REJOINDER_BOOTSTRAP_API_KEY', 'an API key of the first tenant, who is made if there is none yet'),
  uploadMaxMb: numberSetting('REJOINDER_UPLOAD_MAX_MB', 'megabytes that a person may attach as one file, at most', {
    default: 25,
    min: 1,
    max: 1_000,
  }),
  eventsSlowSeconds: numberSetting(
    'REJOINDER_EVENTS_SLOW_SECONDS',
    'seconds after which a reader of /v1/events that takes nothing is cut',
    {
      default: 10,
      min: 1,
      max: 300,
    },
  ),
  webhookAllowedNetworks: networksSetting(
    'REJOINDER_WEBHOOK_ALLOWED_NETWORKS',
    'CIDRs that receivers of webhooks may be in beside public addresses',
  ),
  webhookAllowedPorts: portsSetting('REJOINDER_WEBHOOK_ALLOWED_PORTS', 'ports that receivers of webhooks may be on', '443,8443'),
  webhookCaFile: optionalSetting(
    'REJOINDER_WEBHOOK_CA_FILE',
    'certificates (PEM) that are trusted beside the public ones, for own receivers of webhooks',
  ),
  webhookNameServers: nameServersSetting(
    'REJOINDER_WEBHOOK_NAME_SERVERS',
    'addresses joined by commas that are asked for receivers of webhooks, instead of those of this machine',
  ),
  consoleFolder: optionalSetting('REJOINDER_CONSOLE_FOLDER', 'folder of the built console; that of this installation if empty'),
};

export type GatewaySettings = Values<typeof settings>;
