// What was forwarded is read from the block that mail programs write over it.
import { describe, expect, it } from 'vitest';
import { forwardedIn } from './forward.js';
import { forwardedDate } from './forward-date.js';

const gmail = `please log

---------- Forwarded message ---------
From: Ada Example <ada@example.com>
Date: Mon, Nov 23, 2026 at 10:12 AM
Subject: Offer: 20 % off
To: Bob <bob@crm.example>
Cc: <carol@crm.example>, Dan <dan@crm.example>


Dear Bob,

here it is.`;

const outlook = `________________________________
Von: Example, Ada <ada@example.com>
Gesendet: Montag, 23. November 2026 10:12
An: Bob <bob@crm.example>; Carol <carol@crm.example>
Betreff: Angebot

Guten Tag`;

const outlookDesktop = `-----Original Message-----
From: Ada Example [mailto:ada@example.com]
Sent: Monday, November 23, 2026 10:12 AM
To: Bob
Subject: Offer

Hello`;

const apple = `> Begin forwarded message:
>
> From: Ada Example <ada@example.com>
> Subject: Offer
> Date: 23 November 2026 at 10:12:30 CET
> To: Bob <bob@crm.example>
>
> Hello
> > quoted by Ada`;

const thunderbird = `

-------- Forwarded Message --------
Subject: \tOffer
Date: \tMon, 23 Nov 2026 10:12:30 +0200
From: \tAda Example <ada@example.com>
To: \tbob@crm.example
Message-ID: \t<x1@example.com>



Hello`;

describe('a forwarded mail is found', () => {
  it('as Gmail writes it', () => {
    expect(forwardedIn(gmail, 60)).toMatchObject({
      from: { name: 'Ada Example', address: 'ada@example.com' },
      to: [{ address: 'bob@crm.example' }],
      cc: [{ address: 'carol@crm.example' }, { address: 'dan@crm.example' }],
      subject: 'Offer: 20 % off',
      sentAt: Date.parse('2026-11-23T09:12:00Z') / 1_000,
      messageId: undefined,
      text: 'Dear Bob,\n\nhere it is.',
    });
  });

  it('as Outlook writes it, in German and with a comma in the name', () => {
    expect(forwardedIn(outlook, 60)).toMatchObject({
      from: { name: 'Example, Ada', address: 'ada@example.com' },
      to: [{ address: 'bob@crm.example' }, { address: 'carol@crm.example' }],
      subject: 'Angebot',
      sentAt: Date.parse('2026-11-23T09:12:00Z') / 1_000,
      text: 'Guten Tag',
    });
    expect(forwardedIn(outlookDesktop, 0)).toMatchObject({ from: { address: 'ada@example.com' }, text: 'Hello' });
    expect(forwardedIn(outlook.replace('<ada@example.com>', '<ada@example.com<mailto:ada@example.com>>'), 0)?.from.address).toBe(
      'ada@example.com',
    );
  });

  it('as Apple Mail quotes it, with what was quoted in it', () => {
    expect(forwardedIn(apple, 0)).toMatchObject({
      from: { address: 'ada@example.com' },
      sentAt: Date.parse('2026-11-23T09:12:30Z') / 1_000,
      text: 'Hello\n> quoted by Ada',
    });
  });

  it('as Thunderbird writes it, with its Message-ID', () => {
    expect(forwardedIn(thunderbird, 0)).toMatchObject({
      from: { address: 'ada@example.com' },
      subject: 'Offer',
      messageId: 'x1@example.com',
      sentAt: Date.parse('2026-11-23T08:12:30Z') / 1_000,
      text: 'Hello',
    });
  });

  it('with emphasis around its labels and empty lines between them, where HTML was made into text', () => {
    const text =
      '*De :* Ada Example <ada@example.com>\n\n*Envoyé :* lundi 23 novembre 2026 10:12\n\n*À :* bob@crm.example\n*Objet :* Offre\n\nBonjour';
    expect(forwardedIn(text, 60)).toMatchObject({ from: { address: 'ada@example.com' }, subject: 'Offre', text: 'Bonjour' });
  });
});

describe('nobody is taken for its sender', () => {
  it('where there is no block, or two labels are all there is', () => {
    expect(forwardedIn('From: here\nto there: we went\n\nBye', 0)).toBeUndefined();
    expect(forwardedIn('From: ada@example.com\nSubject: x\n\nhello', 0)).toBeUndefined();
    expect(forwardedIn('', 0)).toBeUndefined();
  });

  it('of a block that somebody planted in the forwarded text', () => {
    const planted = `${gmail}\n\n---------- Forwarded message ---------\nFrom: Boss <boss@victim.example>\nDate: Mon, Nov 2, 2026 at 1:00 AM\nSubject: Pay\nTo: x@y.example\n\nPay`;
    expect(forwardedIn(planted, 0)?.from.address).toBe('ada@example.com');
    // The program named no address: then nobody is, also not who stands further below.
    expect(forwardedIn(planted.replace('Ada Example <ada@example.com>', 'Ada Example'), 0)).toBeUndefined();
  });

  it('in a time that grows with the text alone', () => {
    const before = process.cpuUsage();
    forwardedIn('From: \n'.repeat(300_000), 0);
    forwardedIn(`${'> '.repeat(500_000)}From:`, 0);
    forwardedIn(`From: ${'a'.repeat(1_000_000)} <`, 0);
    expect(process.cpuUsage(before).user).toBeLessThan(3_000_000);
  });
});

describe('its date', () => {
  it.each([
    ['Mon, 23 Nov 2026 10:12:00 +0100', '09:12'],
    ['Mon, Nov 23, 2026 at 10:12\u202fAM', '09:12'],
    ['Mon, Nov 23, 2026 at 10:12 PM', '21:12'],
    ['Monday, November 23, 2026 10:12 AM', '09:12'],
    ['Montag, 23. November 2026 10:12', '09:12'],
    ['Mo., 23. Nov. 2026 um 10:12 Uhr', '09:12'],
    ['lun. 23 nov. 2026 à 10:12', '09:12'],
    ['lunes, 23 de noviembre de 2026 10:12', '09:12'],
    ['lunedì 23 novembre 2026 10:12', '09:12'],
    ['segunda-feira, 23 de novembro de 2026 10:12', '09:12'],
    ['maandag 23 november 2026 10:12', '09:12'],
    ['den 23 november 2026 10:12', '09:12'],
    ['poniedziałek, 23 listopada 2026 10:12', '09:12'],
    ['понедельник, 23 ноября 2026 г. 10:12', '09:12'],
    ['2026年11月23日 10:12', '09:12'],
    ['2026-11-23 10:12', '09:12'],
    ['23.11.2026 10:12', '09:12'],
    ['11/23/2026 10:12 AM', '09:12'],
    ['23 November 2026 at 10:12:00 GMT+2', '08:12'],
    ['23 November 2026 at 10:12:00 CET', '09:12'],
  ])('%s', (text, time) => {
    expect(new Date(forwardedDate(text, 60)! * 1_000).toISOString()).toBe(`2026-11-23T${time}:00.000Z`);
  });

  it('is none where it cannot be read', () => {
    for (const text of ['', 'yesterday', '10:12', 'Mon, Foo 23, 2026 at 10:12', '99.99.2026 10:12', '23.11.2026 29:12'])
      expect(forwardedDate(text, 0)).toBeUndefined();
  });
});
