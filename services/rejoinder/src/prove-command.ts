// `rejoinder retention prove`: asks the retention service for its proof and shows it.
import { existsSync, readFileSync } from 'node:fs';
import { toJson } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { ProveResponseSchema, RetentionService, type ProveResponse } from '@rejoinder/contracts/api/retention';
import { optionalSetting, readSettings, type Environment } from '@rejoinder/runtime/config';
import { grpcClient } from '@rejoinder/runtime/grpc-client';
import { Fault } from '@rejoinder/base/fault';
import { dataFolder } from './data-folder.js';

const proveWithinMs = 60_000;
const settings = { retentionGrpc: optionalSetting('REJOINDER_RETENTION_GRPC', 'where retention answers gRPC') };

/** What a running house leaves in its data folder. */
export interface RunningHere {
  pid: number;
  retentionGrpc: string;
}

export interface ProveOptions {
  /** Data folder of a quick start that runs on this machine, as given to `rejoinder all`. */
  data?: string;
  json?: boolean;
}

/** Prints a verdict per store, or the answer as JSON; true only if every store answered and all hold. */
export async function prove(env: Environment, { data, json }: ProveOptions, print: (text: string) => void): Promise<boolean> {
  const client = grpcClient(RetentionService, readSettings(settings, env).retentionGrpc ?? runningHere(data));
  try {
    const proof = await client.prove({}, { deadlineMs: proveWithinMs });
    print(json ? JSON.stringify(toJson(ProveResponseSchema, proof, { alwaysEmitImplicit: true }), null, 2) : proofTable(proof, Date.now()));
    return proof.holds;
  } finally {
    client.close();
  }
}

function runningHere(data: string | undefined): string {
  const { root, runningFile } = dataFolder(data);
  if (!existsSync(runningFile)) {
    throw new Fault(
      'invalid',
      'NOT_RUNNING',
      `No Rejoinder runs on ${root}. Start it, name its folder with --data, or say where retention answers with REJOINDER_RETENTION_GRPC.`,
    );
  }
  return (JSON.parse(readFileSync(runningFile, 'utf8')) as RunningHere).retentionGrpc;
}

/** A line per store for people: verdict, store, age of its oldest item, what bounds it. */
export function proofTable(proof: ProveResponse, nowMs: number): string {
  const lines = proof.verdicts.map(({ owner, store, holds, reason }) => {
    const age = store?.oldest ? days(nowMs - timestampDate(store.oldest).getTime()) : 'empty';
    const limit = store && store.limitSeconds > 0n ? `${days(Number(store.limitSeconds) * 1_000)} by ${store.setting}` : 'until deleted';
    return [
      holds ? 'holds' : 'FAILS',
      (store?.name ?? owner).padEnd(28),
      age.padStart(9),
      ` of ${limit}`,
      reason ? `  ${reason}` : '',
    ].join(' ');
  });
  return [...lines, proof.holds ? 'Every store holds.' : 'Not every store holds: see FAILS above.'].join('\n');
}

function days(ms: number): string {
  return `${(Math.max(0, ms) / 86_400_000).toFixed(1)} days`;
}
