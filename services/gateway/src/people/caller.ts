// Who calls: the tenant of an API key or of the console's session; nobody else comes in.
import { createParamDecorator, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Database } from '@rejoinder/runtime/database';
import { Doors } from '../web/doors.js';
import { foreignPage } from '../web/hosts.js';
import { refusal } from '../web/problem.js';
import { sha256 } from './secrets.js';
import { SignIn } from './sign-in.js';
import { tenantOfKey, type Tx } from './tenant-store.js';

export const sessionCookie = 'rejoinder_session';

const maxKeyLength = 200;

interface Caller {
  tenantId: string;
  /** Hash of the key or the session's secret: who comes back is known by it. */
  id: string;
  /** Whether a person at the console asks, or a program. */
  by: 'console' | 'api';
}

const callers = new WeakMap<FastifyRequest, Caller>();

function callerOf(context: ExecutionContext): Caller {
  const caller = callers.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (caller === undefined) throw new Error('a route that asks for its caller has no guard');
  return caller;
}

/** The caller's tenant, of a route behind CallerGuard. */
export const TenantId = createParamDecorator((_: unknown, context: ExecutionContext): string => callerOf(context).tenantId);

/** Tells this key or session from every other one of the tenant. */
export const CallerId = createParamDecorator((_: unknown, context: ExecutionContext): string => callerOf(context).id);

/** What is kept of who has said something: console or api. */
export const CalledBy = createParamDecorator((_: unknown, context: ExecutionContext): string => callerOf(context).by);

@Injectable()
export class CallerGuard implements CanActivate {
  constructor(
    private readonly database: Database<Tx>,
    private readonly signIn: SignIn,
    private readonly doors: Doors,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    callers.set(request, await this.#callerOf(request));
    return true;
  }

  async #callerOf(request: FastifyRequest): Promise<Caller> {
    const key = bearerOf(request.headers.authorization);
    const secret = key ?? cookieOf(request.headers.cookie, sessionCookie);
    const tenantId = key === undefined ? this.#tenantOfSession(request, secret) : await this.#tenantOfKey(key);
    if (tenantId !== undefined && secret !== undefined)
      return { tenantId, id: sha256(secret).toString('hex'), by: key === undefined ? 'console' : 'api' };
    throw refusal(401, 'NOT_SIGNED_IN', 'Send an API key as Authorization: Bearer, or sign in at the console.');
  }

  #tenantOfKey(key: string): Promise<string | undefined> {
    return this.database.read('all_tenants', (tx) => tenantOfKey(tx, sha256(key)));
  }

  /** A browser sends the cookie along with whatever another page makes it ask. */
  #tenantOfSession(request: FastifyRequest, secret: string | undefined): string | undefined {
    const tenantId = secret === undefined ? undefined : this.signIn.tenantOf(secret);
    if (tenantId !== undefined && foreignPage(request.method, request.headers, this.doors.hosts)) {
      throw refusal(403, 'FOREIGN_PAGE', 'This request comes from another page than the console.');
    }
    return tenantId;
  }
}

function bearerOf(header: string | undefined): string | undefined {
  const found = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
  return found && found.length <= maxKeyLength ? found : undefined;
}

/** The value of one cookie of a Cookie header (RFC 6265 §4.2.1). */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  const pair = header?.split(';').find((one) => one.trim().startsWith(`${name}=`));
  return pair?.trim().slice(name.length + 1);
}
