// The command line: one role, all of them, or a job such as migrating or proving.
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { Argument, Command, Option, InvalidArgumentError } from 'commander';
import { Fault } from '@rejoinder/base/fault';
import { main } from '@rejoinder/runtime/main';
import { isOutage } from '@rejoinder/runtime/outage';
import { services, type ServiceName } from '@rejoinder/runtime/services';
import { loadRoles, roleNames, type RoleName } from './roles.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
const print = (text: string) => process.stdout.write(`${text}\n`);

const program = new Command('rejoinder')
  .description(
    "A connected inbox for your CRM: mail goes out through people's own mailboxes, and every reply comes back to the right contact.",
  )
  .version(version)
  .showHelpAfterError()
  .addHelpText(
    'after',
    '\nSettings are environment variables (rejoinder settings lists them); a role that finds wrong ones names them all and exits with 1.\nStart here:\n  rejoinder all --demo     everything on this machine, with a demo mailbox that answers',
  );

program
  .command('all')
  .description('run every role in this process, with embedded PostgreSQL and local events unless settings name others')
  .option('--demo', 'add a demo mail server and a contact who answers, and send a first mail')
  .option('--data <folder>', 'where data is kept (default: .rejoinder in the clone, or /var/lib/rejoinder as root)')
  .addOption(
    new Option('--port <number>', 'port of the console and the API on 127.0.0.1').default(7420).argParser(portNumber).env('REJOINDER_PORT'),
  )
  .action(async (options: { demo?: boolean; data?: string; port: number }) => {
    const { runAll } = await import('./run-all.js');
    await runAll({ ...options, demo: options.demo ?? false });
  });

const about: Partial<Record<RoleName, string>> = {
  retention: 'run the retention role; retention prove shows that what is kept is within its limits',
  intake: 'run the intake: the SMTP server that takes mail for logging addresses, a part of sync',
};
const roles = roleNames.map((name) =>
  program
    .command(name)
    .description(about[name] ?? `run the ${name} role`)
    .action(() =>
      main(
        name,
        () => loadRoles([name]),
        async () => (await import('./setting-names.js')).settingNames(),
      ),
    ),
);

program
  .command('settings')
  .description('list the settings of the house and of each role: what each means, and its default')
  .option('--json', 'a JSON list on standard output')
  .action(async (options: { json?: boolean }) => {
    const { listSettings, settingsTable } = await import('./settings-command.js');
    const settings = await listSettings();
    print(options.json ? JSON.stringify(settings, null, 2) : settingsTable(settings));
  });

program
  .command('migrate')
  .description('bring the databases up to date; safe while another release runs')
  .action(async () => {
    const { migrateAll } = await import('./migrate-command.js');
    const applied = await migrateAll(process.env);
    print(applied.length === 0 ? 'Everything is up to date.' : applied.join('\n'));
  });

program
  .command('make-key <file>')
  .description('make the key that wraps all keys; whoever loses this file has lost everything that is sealed')
  .action(async (file: string) => {
    const { createKeyFile, readKeyFile } = await import('@rejoinder/vault/key-file');
    const isNew = await createKeyFile(file);
    await readKeyFile(file);
    print(
      isNew
        ? `${file} is made, readable by you alone. Keep a copy of it apart from the databases.`
        : `${file} holds a key already: it stays as it is.`,
    );
  });

roles
  .find((role) => role.name() === 'retention')!
  .command('prove')
  .description('ask every store for its oldest item and what bounds it; exit code 0 only if all hold')
  .option('--json', 'one JSON object on standard output')
  .option('--data <folder>', 'data folder of the quick start that is asked')
  .action(async (options: { json?: boolean; data?: string }) => {
    const { prove } = await import('./prove-command.js');
    process.exitCode = (await prove(process.env, options, print)) ? 0 : 2;
  });

const ofQuickStart = ['--data <folder>', 'data folder of the quick start that is meant, where no settings name a database'] as const;
const oneService = () => new Argument('<service>', 'the service').choices(services);

const keys = program
  .command('keys')
  .description('how much of the keyring each key of the key file has wrapped; exit code 2 if one is missing there')
  .option(...ofQuickStart)
  .action(async (options: { data?: string }) => {
    const { listKeys } = await import('./keys-command.js');
    process.exitCode = (await listKeys(process.env, options, print)) ? 0 : 2;
  });

keys
  .command('rewrap')
  .description('wrap everything by the first key of the key file, beside roles that run; exit code 2 if something is left')
  .option(...ofQuickStart)
  .action(async (_own: object, command: Command) => {
    const { rewrapKeys } = await import('./keys-command.js');
    process.exitCode = (await rewrapKeys(process.env, command.optsWithGlobals(), print)) ? 0 : 2;
  });

const deadLetters = program
  .command('dead-letters')
  .description('what could not be handled, by service, event and reason; never its content')
  .addArgument(new Argument('[service]', 'one service; all by default').choices(services))
  .option('--json', 'one JSON object on standard output')
  .option(...ofQuickStart)
  .action(async (service: ServiceName | undefined, options: { json?: boolean; data?: string }) => {
    const { listDeadLetters } = await import('./dead-letters-command.js');
    await listDeadLetters(process.env, service, options, print);
  });

deadLetters
  .command('replay')
  .description('hand them to their handlers again, in the order of the log; exit code 2 if some are still dead')
  .addArgument(oneService())
  .addOption(new Option('--limit <number>', 'at most so many, such as 1 to try').default(100_000).argParser(wholeNumber))
  .option(...ofQuickStart)
  .action(async (service: ServiceName, _own: object, command: Command) => {
    const { replayDeadLetters } = await import('./dead-letters-command.js');
    process.exitCode = (await replayDeadLetters(process.env, service, command.optsWithGlobals(), print)) ? 0 : 2;
  });

program
  .command('republish')
  .description('put what a service has said since a time on the wire again; who has seen it changes nothing')
  .addArgument(oneService())
  .addOption(
    new Option('--since <time>', 'as 2026-11-24 or 2026-11-24T03:00Z; the outbox reaches back 7 days')
      .argParser(time)
      .makeOptionMandatory(),
  )
  .option(...ofQuickStart)
  .action(async (service: ServiceName, options: { since: Date; data?: string }) => {
    const { republishSince } = await import('./republish-command.js');
    await republishSince(process.env, service, options, print);
  });

program
  .command('skip-lost')
  .description('let a service that has stopped, because events have left the log unread, go on with what is still there')
  .addArgument(oneService())
  .option(...ofQuickStart)
  .action(async (service: ServiceName, options: { data?: string }) => {
    const { skipLost } = await import('./skip-lost-command.js');
    await skipLost(process.env, service, options, print);
  });

function portNumber(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError('a port is a number from 1 to 65535');
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('it is a whole number from 1 on');
}

/** Without a zone it would be another instant on each machine. */
function time(text: string): Date {
  const at = new Date(/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? text : Number.NaN);
  if (Number.isNaN(at.getTime())) throw new InvalidArgumentError('a time is written as 2026-11-24, or 2026-11-24T03:00Z with its zone');
  if (at.getTime() > Date.now()) throw new InvalidArgumentError('that is still to come');
  return at;
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof Fault || isOutage(error))) throw error;
  process.stderr.write(
    error instanceof Fault ? `${error.message}\n` : 'PostgreSQL went away in the midst of it: run the command again once it answers.\n',
  );
  process.exit(1);
}
