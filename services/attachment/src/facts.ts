// What a person may know an attachment by, and where it and its bytes are sealed.
import { Fault } from '@rejoinder/base/fault';
import { isId } from '@rejoinder/base/id';
import { Private } from '@rejoinder/base/private';

/** File name and content type, as they were declared. */
export interface Facts {
  fileName: string;
  contentType: string;
}

const maxFileName = 1_000;
const maxContentType = 255;

export function factsBytes({ fileName, contentType }: Facts): Buffer {
  return Buffer.from(JSON.stringify([fileName.slice(0, maxFileName), contentType.slice(0, maxContentType)]));
}

export function factsOf(bytes: Uint8Array): Private<Facts> {
  const [fileName, contentType] = JSON.parse(Buffer.from(bytes).toString()) as [string, string];
  return new Private({ fileName, contentType });
}

export const factsPlace = (tenantId: string, attachmentId: string) => ({
  tenantId,
  purpose: 'files' as const,
  row: `attachment:${attachmentId}`,
});
export const bytesPlace = (tenantId: string, attachmentId: string) => ({
  tenantId,
  purpose: 'files' as const,
  row: `object:${attachmentId}`,
});

/** Refuses what is no id, by the name of its field. */
export function needId(field: string, value: string): string {
  if (!isId(value)) throw new Fault('invalid', 'ID', `${field} is a UUID in lower case.`);
  return value;
}
