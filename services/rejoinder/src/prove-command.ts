// `rejoinder retention prove`: asks the retention service for its proof and shows it.
import { toJson } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { ProveResponseSchema, RetentionService, type ProveResponse } from '@rejoinder/contracts/api/retention';
import { readSettings, textSetting, type Environment } from '@rejoinder/runtime/config';
import { grpcClient } from '@rejoinder/runtime/grpc-client';
import { settingsHere } from './running-here.js';

const proveWithinMs = 60_000;
const settings = { retentionGrpc: textSetting('REJOINDER_RETENTION_GRPC', 'where retention answers gRPC') };

export interface ProveOptions {
  /** Data folder of a quick start that runs on this machine, as given to `rejoinder all`. */
  data?: string;
  json?: boolean;
}

/** Prints a verdict per store, or the answer as JSON; true only if every store answered and all hold. */
export async function prove(env: Environment, { data, json }: ProveOptions, print: (text: string) => void): Promise<boolean> {
  const client = grpcClient(RetentionService, readSettings(settings, settingsHere(env, settings.retentionGrpc.env, data)).retentionGrpc);
  try {
    const proof = await client.prove({}, { deadlineMs: proveWithinMs });
    print(json ? JSON.stringify(toJson(ProveResponseSchema, proof, { alwaysEmitImplicit: true }), null, 2) : proofTable(proof, Date.now()));
    return proof.holds;
  } finally {
    client.close();
  }
}

/** A line per store for people: verdict, store, age of its oldest item, what bounds it. */
export function proofTable(proof: ProveResponse, nowMs: number): string {
  const lines = proof.verdicts.map(({ owner, store, holds, reason }) => {
    const bounded = store !== undefined && store.limitSeconds > 0n;
    // How old the oldest is of what stays until it is deleted, not every store is asked.
    const age = store?.oldest ? days(nowMs - timestampDate(store.oldest).getTime()) : bounded ? 'empty' : '-';
    const limit = bounded ? `${days(Number(store.limitSeconds) * 1_000)} by ${store.setting}` : 'until deleted';
    return [holds ? 'holds' : 'FAILS', (store?.name ?? owner).padEnd(28), age.padStart(9), ` of ${limit}`, reason ? `  ${reason}` : '']
      .join(' ')
      .trimEnd();
  });
  return [...lines, proof.holds ? 'Every store holds.' : 'Not every store holds: see FAILS above.'].join('\n');
}

function days(ms: number): string {
  return `${(Math.max(0, ms) / 86_400_000).toFixed(1)} days`;
}
