// Which parts of a delivery report may be read: the report, the returned header and the first text; nothing else (DESIGN.md §5).
import { type StructureNode, type TextPart, fetchWithin, textPartOf } from './part.js';

/** Encoded bytes fetched of each part of a report; what names mails and codes stands at its start. */
export const MAX_REPORT_BYTES = 100_000;

/** Of a report that may not be read otherwise, encoded bytes of the returned header, and of the first text where that names no mail. */
export const MAX_RETURNED_BYTES = 64_000;
export const MAX_FIRST_TEXT_BYTES = 8_000;

const MAX_NODES = 1_000;

export interface ReportPart {
  partId: string;
  encoding: string;
  fetchBytes: number;
}

export interface ReportPlan {
  firstText: TextPart | undefined;
  /** message/delivery-status (RFC 3464) or its global kin (RFC 6533). */
  status: ReportPart | undefined;
  /** text/rfc822-headers: the part itself. */
  returnedHeader: ReportPart | undefined;
  /** message/rfc822: only `BODY[<partId>.HEADER]` of it. */
  returnedMessage: string | undefined;
}

/** Takes the BODYSTRUCTURE of a mail that `classify` calls a delivery report. Gives the parts to read, the first of each kind among at most 1,000 nodes. */
export function reportPlanOf(root: StructureNode): ReportPlan {
  const plan: ReportPlan = { firstText: undefined, status: undefined, returnedHeader: undefined, returnedMessage: undefined };
  const todo: StructureNode[] = [root];
  for (let seen = 0; todo.length > 0 && seen < MAX_NODES; seen++) {
    const node = todo.shift() as StructureNode;
    const type = node.type.toLowerCase();
    if (type.startsWith('multipart/')) todo.unshift(...(node.childNodes ?? []).slice(0, MAX_NODES));
    else take(plan, node, type, node.part ?? '1');
  }
  return plan;
}

function take(plan: ReportPlan, node: StructureNode, type: string, partId: string): void {
  const whole = () => fetchWithin([textPartOf(node, partId)], MAX_REPORT_BYTES)[0] as TextPart;
  const part = (): ReportPart => ({ partId, encoding: whole().encoding, fetchBytes: whole().fetchBytes });
  if (type === 'text/plain' || type === 'text/html') plan.firstText ??= whole();
  else if (type === 'message/delivery-status' || type === 'message/global-delivery-status') plan.status ??= part();
  else if (type === 'text/rfc822-headers' || type === 'message/global-headers') plan.returnedHeader ??= part();
  else if (type === 'message/rfc822' || type === 'message/global') plan.returnedMessage ??= partId;
}
