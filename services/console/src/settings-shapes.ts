// What holds for all mailboxes, and what a never-log list would do and does, as REST tells it.

export interface TenantSettings {
  attachments: boolean;
  capture: 'tracked' | 'all';
  never_log: string[];
  make_contacts: 'everyone' | 'written_to' | 'nobody';
  log_internal: boolean;
}

export interface NeverLogWarning {
  entry: string;
  sentence: string;
}

export interface NeverLogTrial {
  entry: string;
  tracked: number;
  seen: number;
}

export interface NeverLogDeletion {
  state: 'none' | 'running' | 'done';
  mails: number;
  deleted: number;
}
