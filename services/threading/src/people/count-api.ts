// gRPC: how many mails somebody is on, so that a never-log list can be tried before it holds.
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Fault } from '@rejoinder/base/fault';
import type { CountMailsRequest, CountMailsResponseSchema, People } from '@rejoinder/contracts/api/threading';
import { Database } from '@rejoinder/runtime/database';
import { hashBytes } from '@rejoinder/vault/hasher';
import type { Tx } from '../tx.js';
import { countMails } from './never-log-store.js';

const maxPeople = 1_000;
const maxHashes = 4;

@Controller()
export class CountApi {
  constructor(private readonly database: Database<Tx>) {}

  @GrpcMethod('ThreadingService', 'CountMails')
  async countMails({ tenantId, people }: CountMailsRequest): Promise<MessageInitShape<typeof CountMailsResponseSchema>> {
    const hashes = checkedHashes(people);
    const counts = await this.database.read({ tenant: tenantId }, (tx) => countMails(tx, tenantId, hashes));
    return { counts: counts.map(({ tracked, seen }) => ({ tracked: BigInt(tracked), seen: BigInt(seen) })) };
  }
}

export function checkedHashes(people: readonly People[]): Uint8Array[][] {
  const hashes = people.map((one) => one.hashes);
  const isSound = hashes.every((of) => of.length <= maxHashes && of.every(({ length }) => length === hashBytes));
  if (people.length > maxPeople || !isSound)
    throw new Fault('invalid', 'PEOPLE', `At most ${maxPeople} people, each by up to ${maxHashes} hashes.`);
  return hashes;
}
