// Opens the console for whoever has the address that was printed in the terminal, once.
import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { cookieOf, sessionCookie } from './caller.js';
import { SignIn } from './sign-in.js';

const maxTokenLength = 200;

const usedUp = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><link rel="icon" href="/icon.svg"><title>Rejoinder</title>
<body style="font:1rem/1.55 system-ui,sans-serif;max-width:28rem;margin:0 auto;padding:30vh 1rem 0;text-align:center">
<img src="/icon.svg" width="44" height="44" alt=""><h1 style="font-size:1.375rem">This address has been used</h1>
<p>Each address signs in once. Take the newest address from the terminal in which Rejoinder runs; a restart prints a new one.</p></body></html>`;

@Controller('open')
export class SignInApi {
  constructor(private readonly signIn: SignIn) {}

  /** Only a visit uses the token up: a browser may look ahead at what is typed, and chat programs at what is pasted. */
  @Get()
  open(@Query('token') token: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    void reply.header('cache-control', 'no-store');
    const isVisit = request.method === 'GET' && request.headers['sec-purpose'] === undefined;
    const fits = typeof token === 'string' && token.length <= maxTokenLength;
    const secret = isVisit && fits ? this.signIn.open(token) : undefined;
    if (secret) {
      void reply.header('set-cookie', `${sessionCookie}=${secret}; HttpOnly; SameSite=Strict; Path=/`).redirect('/', 303);
      return;
    }
    if (this.#isSignedIn(request)) void reply.redirect('/', 303);
    else void reply.code(403).type('text/html; charset=utf-8').send(usedUp);
  }

  /** Whoever reloads the address is in already. */
  #isSignedIn(request: FastifyRequest): boolean {
    const secret = cookieOf(request.headers.cookie, sessionCookie);
    return secret !== undefined && this.signIn.tenantOf(secret) !== undefined;
  }
}
