// An SMTP server with STARTTLS that does once, with the next mail, what a test tells it to.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { TestCa } from '@rejoinder/testing/certificates';

export type Behaviour =
  'drop_before_data' | 'hold_before_data' | 'drop_in_data' | 'drop_after_data' | 'silence' | 'hold' | 'refuse_421' | 'refuse_554';

export interface ScriptedSmtp {
  port: number;
  /** Every mail that it took to keep, confirmed or not. */
  accepted: string[];
  /** How often a message began to arrive. */
  begun: number;
  logins: number;
  /** How often it kept a client waiting before DATA. */
  held: number;
  next(behaviour: Behaviour): void;
  /** What was asked for and did not come about. */
  forgetBehaviours(): void;
  /** Answers what is held. */
  release(): void;
  stop(): Promise<void>;
}

export async function startScriptedSmtp(ca: TestCa, password = 'secret'): Promise<ScriptedSmtp> {
  const { cert, key } = await ca.issue();
  const behaviours: Behaviour[] = [];
  const sockets = new Set<Socket>();
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  let release: () => void = () => undefined;
  const state: ScriptedSmtp = {
    port: 0,
    accepted: [],
    begun: 0,
    logins: 0,
    held: 0,
    next: (behaviour) => void behaviours.push(behaviour),
    forgetBehaviours: () => void (behaviours.length = 0),
    release: () => release(),
    stop: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  const server = new SMTPServer({
    cert,
    key,
    secure: false,
    disableReverseLookup: true,
    onAuth(auth, _session, done) {
      state.logins++;
      if (auth.password === password) done(null, { user: 'somebody' });
      else done(Object.assign(new Error('no'), { responseCode: 535 }));
    },
    onRcptTo(_address, _session, done) {
      if (behaviours[0] === 'drop_before_data') {
        behaviours.shift();
        return cut();
      }
      if (behaviours[0] === 'hold_before_data') {
        behaviours.shift();
        state.held++;
        release = () => done();
        return;
      }
      done();
    },
    onData(stream, _session, done) {
      state.begun++;
      const behaviour = behaviours.shift();
      if (behaviour === 'drop_in_data') return void stream.once('data', cut);
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (behaviour === 'refuse_421') return done(Object.assign(new Error('later'), { responseCode: 421 }));
        if (behaviour === 'refuse_554') return done(Object.assign(new Error('never'), { responseCode: 554 }));
        state.accepted.push(Buffer.concat(chunks).toString());
        if (behaviour === 'drop_after_data') return cut();
        if (behaviour === 'silence') return;
        if (behaviour === 'hold') return void (release = () => done());
        done();
      });
    },
  });
  server.on('error', () => undefined);
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  state.port = (server.server.address() as { port: number }).port;
  return state;
}
