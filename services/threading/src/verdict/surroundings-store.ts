// What a judgement needs beside the mails that are judged: who bears what they cite, and what people have said of that.
import { rowsOf } from '@rejoinder/runtime/rows';
import { fromOutside, type GraphMail } from '../graph/graph.js';
import { bearersOf, distinct, idArrays, idsGiven, mailsAt, type IdKey, type OwnInboxes } from '../graph/graph-store.js';
import type { Tx } from '../tx.js';
import type { Surroundings } from './judge.js';

export function withoutOwn(mails: GraphMail[], own: Map<string, OwnInboxes>): GraphMail[] {
  return mails.map((mail) => fromOutside(mail, own.get(mail.tenantId)!));
}

/** What is stored around these mails, for each tenant of theirs. */
export async function surroundings(tx: Tx, mails: GraphMail[]): Promise<(tenantId: string, own: Map<string, OwnInboxes>) => Surroundings> {
  const cited = distinct(mails.flatMap(({ tenantId, chain }) => chain.map((id) => ({ tenantId, id }))));
  const targets = mails.flatMap(({ tenantId, mergedInto }) => (mergedInto === null ? [] : [{ tenantId, mailId: mergedInto }]));
  const [bearers, said, merged] = await Promise.all([
    cited.length > 0 ? bearersOf(tx, cited) : [],
    cited.length > 0 ? saidOfIds(tx, cited) : [],
    targets.length > 0 ? mailsAt(tx, targets) : [],
  ]);
  const around = [...new Map([...bearers, ...merged].map((mail) => [`${mail.tenantId} ${mail.mailId}`, mail])).values()];
  return (tenantId, own) => {
    const idsOf = (what: SaidOfId['said']) =>
      new Set(said.filter((one) => one.tenantId === tenantId && one.said === what).map(({ id }) => id));
    const ofTenant = around.filter((mail) => mail.tenantId === tenantId);
    return { bearers: withoutOwn(ofTenant, own), ghosts: idsOf('tracked'), splits: idsOf('split') };
  };
}

/** What a person said of an id: it is tracked though nobody has seen it, or its mail begins a thread of its own, known or not any more. */
interface SaidOfId extends IdKey {
  said: 'tracked' | 'split';
}

function saidOfIds(tx: Tx, ids: IdKey[]): Promise<SaidOfId[]> {
  const sql = `select t.tenant_id as "tenantId", t.message_id_hash as id, 'tracked' as said from ${idsGiven},
      lateral (select * from tracked_id where tenant_id = k.tenant_id and message_id_hash = k.id_hash and mail_id is null offset 0) t
    union all
    select k.tenant_id, k.id_hash, 'split' from ${idsGiven},
      lateral (select from pin where tenant_id = k.tenant_id and id_hashes[1] = k.id_hash and kind = 'split' limit 1) p`;
  return rowsOf<SaidOfId>(tx, sql, ...idArrays(ids));
}
