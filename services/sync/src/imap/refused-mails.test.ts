// Which mails are read where a server refuses some, and when that is no matter of single mails.
import { expect, test } from 'vitest';
import { readAround } from './refused-mails.js';

function server(uids: number[], refused: number[]) {
  let reads = 0;
  const inRange = (range: string) =>
    uids.filter((uid) => range.split(',').some((part) => ((ends) => uid >= ends[0]! && uid <= ends.at(-1)!)(part.split(':').map(Number))));
  return {
    reads: () => reads,
    read: (range: string) => {
      reads++;
      const wanted = inRange(range);
      return wanted.some((uid) => refused.includes(uid)) ? Promise.reject(new Error('NO')) : Promise.resolve(wanted);
    },
    there: (range: string) => Promise.resolve(inRange(range)),
    isRefusal: (error: unknown) => error instanceof Error && error.message === 'NO',
  };
}

const all = Array.from({ length: 500 }, (_, at) => at + 1);

test('those that are refused are found, and all others read', async () => {
  expect(await readAround('1:500', server(all, []))).toEqual({ mails: all, refused: [] });
  const one = server(all, [7, 400]);
  expect(await readAround('1:500', one)).toEqual({ mails: all.filter((uid) => uid !== 7 && uid !== 400), refused: [7, 400] });
  expect(one.reads()).toBeLessThan(40);
  // Alone in its range, as a mail that has just come.
  expect(await readAround('9:508', server([9], [9]))).toEqual({ mails: [], refused: [9] });
});

test('a server that refuses many, or has broken, is not read around', async () => {
  const many = server(all, all);
  await expect(readAround('1:500', many)).rejects.toThrow('NO');
  expect(many.reads()).toBeLessThan(20);
  const broken = { ...server(all, []), read: () => Promise.reject(new Error('gone')) };
  await expect(readAround('1:500', broken)).rejects.toThrow('gone');
});
