// `helm test`: every role is ready behind its Service, the gateway serves the console and asks for a key, the intake greets.
import { connect } from 'node:net';

const answerWithinMs = 5_000;
const [name, ...roles] = process.argv.slice(1);

async function check(what, ask) {
  try {
    await ask();
    process.stdout.write(`ok      ${what}\n`);
  } catch (error) {
    process.exitCode = 1;
    process.stdout.write(`failed  ${what}: ${error.cause?.code ?? error.message}\n`);
  }
}

async function answers(url, status) {
  const response = await fetch(url, { signal: AbortSignal.timeout(answerWithinMs) });
  if (response.status !== status) throw new Error(`it answered ${response.status}, not ${status}`);
}

function greets(host, port) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: answerWithinMs });
    socket.once('timeout', () => socket.destroy(new Error('it says nothing')));
    socket.once('error', reject);
    socket.once('data', (data) => {
      socket.end('QUIT\r\n');
      if (data.toString().startsWith('220 ')) resolve();
      else reject(new Error('it does not greet'));
    });
  });
}

for (const role of roles)
  await check(`${role} is ready`, () =>
    role === 'intake' ? greets(`${name}-intake`, 25) : answers(`http://${name}-${role}:7440/health/ready`, 200),
  );
await check('the console is there', () => answers(`http://${name}-gateway:7420/`, 200));
await check('nobody is let in without a key', () => answers(`http://${name}-gateway:7420/v1/inboxes`, 401));
