// Text and attachments of real part trees, against what another parser makes of them (Stalwart, also after RFC 8621).
import { describe, expect, it } from 'vitest';
import type { StructureNode } from '../src/part.js';
import { planOf } from '../src/structure.js';
import { corporaExist, corpusFiles, readCorpus } from './corpus.js';

interface StalwartPart {
  headers: { name: string; value: { ContentType?: StalwartType; Text?: string } }[];
  body: Record<string, unknown> | string;
  is_encoding_problem: boolean;
}
interface StalwartType {
  c_type: string;
  c_subtype: string | null;
  attributes: { name: string; value: string }[] | null;
}
interface StalwartMail {
  html_body: number[];
  text_body: number[];
  attachments: number[];
  parts: StalwartPart[];
}

const params = (type: StalwartType | undefined) => Object.fromEntries((type?.attributes ?? []).map(({ name, value }) => [name, value]));

/** The part's index there is its part id here, so that both lists can be compared. */
function node(mail: StalwartMail, at: number): StructureNode {
  const part = mail.parts[at] as StalwartPart;
  const header = (name: string) => part.headers.findLast((one) => one.name === name)?.value;
  const type = header('content_type')?.ContentType;
  const disposition = header('content_disposition')?.ContentType;
  const id = header('content_id')?.Text;
  const own: StructureNode = {
    part: String(at),
    type: '',
    size: 1,
    id,
    disposition: disposition?.c_type,
    parameters: params(type),
    dispositionParameters: params(disposition),
  };
  const children = typeof part.body === 'object' ? (part.body['Multipart'] as number[] | undefined) : undefined;
  if (children) return { ...own, type: `multipart/${type?.c_subtype ?? 'mixed'}`, childNodes: children.map((child) => node(mail, child)) };
  if (typeof part.body === 'object' && 'Message' in part.body) return { ...own, type: 'message/rfc822' };
  return { ...own, type: type?.c_subtype ? `${type.c_type}/${type.c_subtype}` : 'text/plain' };
}

const files = corpusFiles('mail-parser', /\.json$/);
const all = files.map((path) => ({ path, mail: JSON.parse(readCorpus(path).toString('utf8')) as StalwartMail }));
/** Broken bodies (a boundary that never closes) are seen by one who has the body; a BODYSTRUCTURE does not tell. Other renditions: see planOf. */
const mails = all.filter(({ path, mail }) => !path.endsWith('rfc/003.json') && !mail.parts.some((part) => part.is_encoding_problem));

describe.runIf(corporaExist)('against the expected outcomes of the mail-parser corpus', () => {
  it.each(mails)('$path', ({ mail }) => {
    const plan = planOf(node(mail, 0));
    const isTextual = (id: string) => /^text\/(?:plain|html)$/.test(node(mail, Number(id)).type);
    const theirs = (list: number[]) => list.map(String).filter(isTextual);
    expect({ text: plan.textBody, html: plan.htmlBody }).toEqual({ text: theirs(mail.text_body), html: theirs(mail.html_body) });
    expect(plan.attachments.map((one) => one.partId)).toEqual(mail.attachments.map(String));
  });
});
