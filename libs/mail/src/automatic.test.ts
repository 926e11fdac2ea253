// Who or what wrote a mail.
import { describe, expect, it } from 'vitest';
import { classify, explainKind, isAutomatic } from './automatic.js';
import { parseHeaders } from './headers.js';

const kind = (block: string) => classify(parseHeaders(block));

describe('a mail is', () => {
  it.each([
    ['from a person', 'From: joe@host\nSubject: Hello', 'person'],
    [
      'a delivery report',
      'From: MAILER-DAEMON@host\nContent-Type: multipart/report; report-type=delivery-status; boundary=x',
      'delivery_report',
    ],
    [
      'a report before it is an automatic answer, as Postfix marks it',
      'Auto-Submitted: auto-replied\nContent-Type: multipart/report;\n\treport-type="delivery-status"',
      'delivery_report',
    ],
    ['a report of Exim', 'From: Mail Delivery System <x@host>\nX-Failed-Recipients: a@x\nAuto-Submitted: auto-replied', 'delivery_report'],
    ['a report by its sender alone', 'From: Mail Delivery Subsystem <MAILER-DAEMON>\nSubject: x', 'delivery_report'],
    ['a report by null return path and subject', 'Return-Path: <>\nFrom: server@host\nSubject: Undeliverable: Hello', 'delivery_report'],
    ['no report by its subject alone', 'Return-Path: <joe@host>\nFrom: joe@host\nSubject: Re: Undeliverable: Hello', 'person'],
    [
      'no report where a list talks about one',
      'List-Id: <mta.host>\nReturn-Path: <>\nFrom: mailer-daemon@host\nSubject: returned mail',
      'list',
    ],
    ['a read receipt', 'Content-Type: multipart/report; report-type=disposition-notification', 'read_receipt'],
    ['a complaint', 'Content-Type: multipart/report; report-type=feedback-report', 'feedback_report'],
    ['an automatic answer', 'From: joe@host\nAuto-Submitted: auto-replied (vacation)\nReturn-Path: <>', 'auto_reply'],
    ['an automatic answer by subject', 'From: joe@host\nSubject: Automatic reply: Hello', 'auto_reply'],
    ['an automatic answer by an old mark', 'From: joe@host\nX-Autoreply: yes', 'auto_reply'],
    ['made by a machine', 'From: cron@host\nAuto-Submitted: auto-generated', 'auto_generated'],
    ['not made by a machine if it says no', 'From: joe@host\nAuto-Submitted: no', 'person'],
    ['of a list', 'From: joe@host\nList-Id: Talk <talk.host>\nPrecedence: list', 'list'],
    ['sent in bulk', 'From: news@host\nPrecedence: bulk', 'list'],
    ['from a person who wants no automatic answer', 'From: joe@host\nX-Auto-Response-Suppress: All', 'person'],
    ['from a person, whatever a header lacks', '', 'person'],
  ])('%s', (_, block, expected) => {
    expect(kind(block)).toBe(expected);
  });

  it.each([
    ['Content-Type: multipart/report; report-type=feedback-report', 'content-type'],
    ['X-Failed-Recipients: a@x\nAuto-Submitted: auto-replied', 'x-failed-recipients'],
    ['From: MAILER-DAEMON@host\nSubject: x', 'from'],
    ['Return-Path: <>\nFrom: server@host\nSubject: Undeliverable: Hello', 'subject'],
    ['Auto-Submitted: auto-replied\nList-Id: <x.host>', 'auto-submitted'],
    ['X-Autorespond: yes', 'x-autorespond'],
    ['Precedence: auto_reply', 'precedence'],
    ['Subject: Out of office', 'subject'],
    ['Auto-Submitted: auto-generated', 'auto-submitted'],
    ['List-Id: <x.host>', 'list-id'],
    ['Precedence: junk', 'precedence'],
    ['From: joe@host', ''],
  ])('because of the field that says so: %j', (block, because) => {
    expect(explainKind(parseHeaders(block)).because).toBe(because);
  });

  it('judged by its decoded subject', () => {
    expect(classify(parseHeaders('Subject: =?x?='), () => 'Réponse automatique : bonjour')).toBe('auto_reply');
  });

  it('no answer of a person unless a person or a list sent it', () => {
    expect(
      (['person', 'list', 'auto_reply', 'auto_generated', 'delivery_report', 'feedback_report', 'read_receipt'] as const).map(isAutomatic),
    ).toEqual([false, false, true, true, true, true, true]);
  });

  it.each(['Content-Type: ', 'Content-Type: a/b;', 'Content-Type: "', 'Content-Type: ;a="\\', 'From: <', 'Subject: delivery '])(
    'told in short time from a megabyte behind %j',
    (start) => {
      for (const piece of [' ', ';', 'a', '"', '=', ';a=', '\\'])
        expect(typeof kind(start + piece.repeat(900_000 / piece.length))).toBe('string');
    },
  );
});
