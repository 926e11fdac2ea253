// The limit to compare with, a program of its own: bare TLS sockets that log in and stay in IDLE. CA file, port, password, and how many in its arguments.
import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import { mailbox } from './idle-mailboxes.js';

const atOnce = 10;
const withinMs = 60_000;
const [caFile = '', port = '', password = '', count = ''] = process.argv.slice(2);
const ca = readFileSync(caFile, 'utf8');
const sockets: TLSSocket[] = [];

async function idle(user: string): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port: Number(port), ca, servername: 'localhost' });
  sockets.push(socket);
  socket.write(`a LOGIN ${user} ${password}\r\nb EXAMINE INBOX\r\nc IDLE\r\n`);
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`${user} was not let in`)), withinMs);
    let said = '';
    const listen = (chunk: Buffer) => {
      said += chunk.toString('latin1');
      if (!/^\+ /m.test(said)) return;
      clearTimeout(limit);
      socket.off('data', listen);
      socket.resume();
      resolve();
    };
    socket.on('data', listen);
    socket.once('error', reject);
  });
}

process.stdout.write('empty\n');
process.once('SIGUSR1', () => void fill());

async function fill(): Promise<void> {
  for (let n = 0; n < Number(count); n += atOnce)
    await Promise.all(Array.from({ length: Math.min(atOnce, Number(count) - n) }, (_, more) => idle(mailbox(n + more))));
  process.stdout.write(`${sockets.length} idle\n`);
}

// Until it is told to end.
setInterval(() => undefined, withinMs);
