// Proves on request that every store keeps its limit.
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Proof } from './judge.js';
import { Prover } from './prover.js';

@Controller()
export class RetentionApi {
  constructor(private readonly prover: Prover) {}

  @GrpcMethod('RetentionService', 'Prove')
  prove(): Promise<Proof> {
    return this.prover.prove();
  }
}
