// Which mail servers may be reached and trusted; settings that connections, sync and sending share.
import { optionalSetting, type Values } from './config.js';
import { networksSetting, openOutside, portsSetting, type Outside } from './outside.js';

export const mailSettings = {
  mailCaFile: optionalSetting('REJOINDER_MAIL_CA_FILE', 'certificates (PEM) that are trusted beside the public ones, for own mail servers'),
  mailAllowedNetworks: networksSetting('REJOINDER_MAIL_ALLOWED_NETWORKS', 'CIDRs that mail servers may be in beside public addresses'),
  mailAllowedPorts: portsSetting('REJOINDER_MAIL_ALLOWED_PORTS', 'ports that mail servers may be on', '993,143,465,587'),
};

export type MailSettings = Values<typeof mailSettings>;
export type MailNetwork = Outside;

export const openMailNetwork = ({ mailAllowedNetworks, mailAllowedPorts, mailCaFile }: MailSettings): MailNetwork =>
  openOutside(mailAllowedNetworks, mailAllowedPorts, { file: mailCaFile, setting: mailSettings.mailCaFile.env });
