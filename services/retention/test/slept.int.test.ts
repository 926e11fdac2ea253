// The proof of a night that was slept through comes as soon as the house starts: nobody is accused who only had not started yet.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { expect, it } from 'vitest';
import { role as attachment } from '@rejoinder/attachment/role';
import { delay } from '@rejoinder/base/wait';
import { createLogger } from '@rejoinder/runtime/logging';
import { startHouse } from '@rejoinder/runtime/main';
import { startTestHouse } from '@rejoinder/testing/house';
import { settle } from '@rejoinder/testing/settle';
import { role as retention } from '../src/role.js';

/** Longer than an owner is given to answer. */
class SlowToOpen {}
Module({ imports: [attachment.module], providers: [{ provide: 'slow', useFactory: () => delay(6_000) }] })(SlowToOpen);

it('asks a role that takes its time to open, and is answered', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rejoinder-slept-'));
  const roles = [retention, { ...attachment, module: SlowToOpen }];
  const env = { REJOINDER_STORE: 'disk', REJOINDER_STORE_FOLDER: folder, REJOINDER_PROOF_ANSWER_SECONDS: '4' };
  await using house = await startTestHouse({ roles, env });
  await Promise.all(house.roles.map((role) => role.stop()));
  await house.query(`update retention.duty set due_at = now() - interval '3 hours'`);
  const running = await startHouse('rejoinder', async () => roles, house.env, { socketFolder: folder, logger: createLogger('silent') });
  try {
    const failed = await settle('the proof', async () => {
      const [proof] = await house.query<{ verdicts: { owner: string; holds?: boolean }[] }>('select verdicts from retention.proof');
      return proof?.verdicts.filter(({ owner, holds }) => owner === 'attachment' && !holds);
    });
    expect(failed).toEqual([]);
  } finally {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
