// The ledger of proofs.
import { Injectable } from '@nestjs/common';
import { create, toJson } from '@bufbuild/protobuf';
import { VerdictSchema } from '@rejoinder/contracts/api/retention';
import { newId } from '@rejoinder/base/id';
import { Database } from '@rejoinder/runtime/database';
import type { Prisma } from './generated/client.js';
import type { Proof } from './judge.js';

@Injectable()
export class ProofStore {
  constructor(private readonly database: Database<Prisma.TransactionClient>) {}

  async save(proof: Proof, provedAt: Date): Promise<void> {
    const verdicts = proof.verdicts.map((verdict) => toJson(VerdictSchema, create(VerdictSchema, verdict)) as Prisma.InputJsonValue);
    const data = { proofId: newId(), provedAt, holds: proof.holds, verdicts };
    await this.database.write('all_tenants', (tx) => tx.proof.createMany({ data: [data] }));
  }
}
