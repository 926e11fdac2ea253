// A folder as a busy person has it: threads of one to twenty mails, real-looking header fields, short bodies; the same for the same number.
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dovecot } from '@rejoinder/testing/dovecot';
import { randomFrom, type Random } from '@rejoinder/testing/seed';
import { isRoot, unprivileged } from '@rejoinder/testing/users';

const seed = 4_711;
const peopleCount = 2_000;
const longestThread = 20;
const firstMs = Date.UTC(2024, 0, 1);
const everyMs = 600_000;

interface Mail {
  raw: string;
  atMs: number;
}

/** Fills the INBOX of a user who has none yet with so many mails. */
export const fillInbox = (dovecot: Dovecot, user: string, count: number) => fillWith(dovecot, user, mails(count, user));

/** Written as a Maildir, which is quickest, and taken over into Dovecot's own store. */
export async function fillWith(dovecot: Dovecot, user: string, mails: Iterable<Mail>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'rejoinder-maildir-'));
  const owner = unprivileged('nobody', 'daemon');
  try {
    for (const name of ['', 'cur', 'new', 'tmp']) {
      mkdirSync(join(folder, name), { recursive: true });
      if (isRoot()) chownSync(join(folder, name), owner.uid, owner.gid);
    }
    let n = 0;
    for (const mail of mails) {
      const file = join(folder, 'cur', `${Math.floor(mail.atMs / 1_000)}.M${n++}.bench,S=${mail.raw.length}:2,${n % 3 === 0 ? '' : 'S'}`);
      writeFileSync(file, mail.raw);
    }
    await dovecot.doveadm('backup', '-u', user, '-R', `maildir:${folder}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function* mails(count: number, user: string): Generator<Mail> {
  const random = randomFrom(seed);
  const people = Array.from({ length: peopleCount }, (_, n) => `${random.word()}.${random.word()}${n}@${random.word()}.test`);
  let thread: { subject: string; ids: string[]; people: string[] } | undefined;
  for (let n = 0; n < count; n++) {
    if (!thread || thread.ids.length >= longestThread || random.chance(0.38)) {
      thread = { subject: subject(random), ids: [], people: [random.pick(people), random.pick(people)] };
    }
    const atMs = firstMs + n * everyMs;
    yield { raw: mail(random, thread, n, user, new Date(atMs)), atMs };
  }
}

function mail(random: Random, thread: { subject: string; ids: string[]; people: string[] }, n: number, user: string, date: Date): string {
  const id = `<${random.word(16)}.${n}@${random.word(8)}.mail.test>`;
  const [from, other] = thread.ids.length % 2 === 0 ? thread.people : thread.people.toReversed();
  const parents = thread.ids.slice();
  thread.ids.push(id);
  const answer = parents.length > 0;
  const fields = [
    `Return-Path: <${from}>`,
    `Delivered-To: ${user}`,
    `Received: from mx.${random.word()}.test ([192.0.2.${random.int(1, 250)}]) by mail.crm.test with ESMTPS id ${random.word(12)} for <${user}>; ${date.toUTCString()}`,
    `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=mail.test; s=s1; h=from:to:subject:date; bh=${random.word(43)}=; b=${random.word(340)}`,
    `Message-ID: ${id}`,
    ...(answer ? [`In-Reply-To: ${parents.at(-1)}`, `References: ${parents.join('\r\n ')}`] : []),
    `Date: ${date.toUTCString()}`,
    `From: ${name(random)} <${from}>`,
    `To: ${user}`,
    ...(random.chance(0.4) ? [`Cc: ${name(random)} <${other}>`] : []),
    `Subject: ${answer ? 'Re: ' : ''}${thread.subject}`,
    ...(random.chance(0.1) ? ['List-Id: <news.mail.test>', 'Precedence: bulk'] : []),
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    `X-Mailer: ${random.word()} ${random.int(1, 20)}.${random.int(0, 9)}`,
  ];
  return `${fields.join('\r\n')}\r\n\r\n${Array.from({ length: 12 }, () => random.word()).join(' ')}\r\n`;
}

function subject(random: Random): string {
  const words = Array.from({ length: random.int(2, 7) }, () => random.word()).join(' ');
  return random.chance(0.15) ? `=?utf-8?Q?Gr=C3=BC=C3=9Fe_${words.replaceAll(' ', '_')}?=` : words;
}

const name = (random: Random) => `${capital(random.word())} ${capital(random.word())}`;
const capital = (word: string) => word[0]!.toUpperCase() + word.slice(1);
