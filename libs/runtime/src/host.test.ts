// How the addresses of a host are found, and that a name service that does not answer holds up nothing else.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { addressesIn, resolveHost } from './host.js';

describe('the addresses of a host', () => {
  it('are those that the hosts file of this machine has', async () => {
    const file =
      '# 10.0.0.9 mail\n127.0.0.1\tlocalhost  Mail.Example.com # ours\n\n::1 localhost\nnonsense mail.example.com\n10.0.0.1 gmail.example.com\n';
    expect(addressesIn(file, 'mail.example.com')).toEqual(['127.0.0.1']);
    expect(addressesIn(file, 'localhost')).toEqual(['127.0.0.1', '::1']);
    expect(addressesIn(file, 'mail')).toEqual([]);
    expect(await resolveHost('localhost')).toContain('127.0.0.1');
  });

  it('are waited for without a thread that files are read by', { timeout: 20_000 }, async () => {
    await using silent = createSocket('udp4');
    silent.bind(0, '127.0.0.1');
    await once(silent, 'listening');
    const nameServer = `127.0.0.1:${silent.address().port}`;
    const start = performance.now();
    const asked = Array.from({ length: 16 }, (_, n) => resolveHost(`slow${n}.example`, nameServer).catch((error: unknown) => error));
    await once(silent, 'message');
    await stat('/etc/hosts');
    expect(performance.now() - start).toBeLessThan(1_000);
    for (const error of await Promise.all(asked)) expect(error).toMatchObject({ code: 'TIMEOUT' });
    expect(performance.now() - start).toBeLessThan(8_000);
  });
});
