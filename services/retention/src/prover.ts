// One proof: asks every owner, judges what they tell, and writes it down.
import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@rejoinder/base/clock';
import { CLOCK, SETTINGS } from '@rejoinder/runtime/tokens';
import type { RetentionSettings } from './config.js';
import { judge, type Proof } from './judge.js';
import { OwnersClient } from './owners-client.js';
import { ProofStore } from './proof-store.js';

const hourMs = 3_600_000;

@Injectable()
export class Prover {
  constructor(
    private readonly owners: OwnersClient,
    private readonly store: ProofStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: RetentionSettings,
  ) {}

  async prove(): Promise<Proof> {
    const answers = await this.owners.ask();
    const now = this.clock.now();
    const proof = judge(answers, now, { forgetMs: this.settings.forgetHours * hourMs });
    await this.store.save(proof, now);
    return proof;
  }
}
