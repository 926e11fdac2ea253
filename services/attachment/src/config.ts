// The settings of this role: where files lie, how large one may be, and how long one that was never sent stays.
import { choiceSetting, numberSetting, optionalSetting, secretSetting, textSetting, type Values } from '@rejoinder/runtime/config';
import { DEFAULT_SIZE_LIMITS } from '@rejoinder/mail/size-rule';

export const settings = {
  store: choiceSetting('REJOINDER_STORE', 'where attachments lie', ['s3', 'disk'], 's3'),
  storeFolder: optionalSetting('REJOINDER_STORE_FOLDER', 'folder of the attachments; needed where the store is disk'),
  s3Endpoint: optionalSetting('REJOINDER_S3_ENDPOINT', 'URL of the S3 server; that of AWS if empty'),
  s3Region: textSetting('REJOINDER_S3_REGION', 'region of the bucket', 'us-east-1'),
  s3Bucket: textSetting('REJOINDER_S3_BUCKET', 'bucket of the attachments', 'rejoinder'),
  s3AccessKeyId: optionalSetting('REJOINDER_S3_ACCESS_KEY_ID', 'access key; the machine’s own identity if empty'),
  s3SecretAccessKey: secretSetting('REJOINDER_S3_SECRET_ACCESS_KEY', 'secret of the access key', ''),
  s3PathStyle: choiceSetting('REJOINDER_S3_PATH_STYLE', 'the bucket stands in the path, not in the host', ['on', 'off'], 'on'),
  partLimitBytes: numberSetting('REJOINDER_PART_LIMIT_BYTES', 'an attachment of more decoded bytes is never kept', {
    default: DEFAULT_SIZE_LIMITS.partLimitBytes,
    min: 1,
    max: 1_000_000_000,
  }),
  unsentHours: numberSetting('REJOINDER_UNSENT_FILE_HOURS', 'hours that a file stays whose mail was never sent', {
    default: 24,
    min: 1,
    max: 168,
  }),
};

export type AttachmentSettings = Values<typeof settings>;
