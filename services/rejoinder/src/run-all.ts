// What `rejoinder all` says in the terminal, and how it ends on Ctrl-C.
import { onStopSignal } from '@rejoinder/runtime/main';
import { quickStart } from './quick-start.js';

const print = (line = '') => process.stdout.write(`${line}\n`);

/** Starts, says in less than a screen what runs where and what to do next, and runs until it is stopped. */
export async function runAll(options: { demo: boolean; data?: string; port: number }): Promise<void> {
  const started = Date.now();
  print('Rejoinder is starting.');
  const running = await quickStart({ ...options, say: (line) => print(`  ${line}`) }, process.env);
  onStopSignal(async () => {
    print('\nStopping: mail in hand is finished first.');
    await running.stop();
    print('Stopped. Your data stays where it is.');
  });
  const seconds = ((Date.now() - started) / 1_000).toFixed(1);
  print(`  Data         ${running.folder.root}`);
  print(`  API key      ${running.folder.apiKeyFile}`);
  print(`  Log          ${running.folder.logFile}`);
  print(`\nReady after ${seconds} s. Open the console (this address signs you in, once):\n\n  ${running.url}\n`);
  if (options.demo && running.demo) {
    const again = running.demo.state() === 'running';
    await running.demo.begin();
    if (again) await running.demo.sendAnother();
    print('A demo mailbox is connected and has sent a mail to Ada Example: her answer, with an attachment, arrives by itself.');
  } else {
    print(`Mailboxes are connected in the console${running.demo ? '; "Try the demo" there starts one that answers' : ''}.`);
  }
  print('Stop with Ctrl-C.');
}
