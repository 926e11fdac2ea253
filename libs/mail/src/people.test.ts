// Who is on a mail.
import { describe, expect, it } from 'vitest';
import { parseHeaders } from './headers.js';
import { listAddresses, peopleOf } from './people.js';

describe('the people on a mail', () => {
  it('are all others, each once, sorted', () => {
    const headers = parseHeaders('From: Me <me@CRM.test>\nTo: Bob <Bob@x>, ann@x\nCc: ann@X, me@crm.test\nCc: eve@x\n');
    expect(peopleOf(headers, new Set(['me@crm.test']))).toEqual(['ann@x', 'bob@x', 'eve@x']);
  });

  it('are not the lists it went over', () => {
    const byPost = parseHeaders('From: ann@x\nTo: talk@list.test\nList-Post: <https://x>, <mailto:Talk@list.test?subject=x>\n');
    expect(listAddresses(byPost)).toEqual(['talk@list.test']);
    expect(peopleOf(byPost, new Set())).toEqual(['ann@x']);
    expect(peopleOf(parseHeaders('From: ann@x\nTo: talk@list.test\nList-Id: Our talk <talk.list.test>\n'), new Set())).toEqual(['ann@x']);
  });

  it('are none where a mail names nobody', () => {
    expect(peopleOf(parseHeaders('To: undisclosed-recipients:;\nList-Post: NO\n'), new Set())).toEqual([]);
  });
});
