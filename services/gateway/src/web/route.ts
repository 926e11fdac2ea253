// How a REST route is declared: once, for Nest and for the OpenAPI document alike.
import {
  applyDecorators,
  Body,
  Controller,
  createParamDecorator,
  HttpCode,
  Param,
  Query,
  RequestMapping,
  RequestMethod,
  UseGuards,
  type ExecutionContext,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { CallerGuard } from '../people/caller.js';
import { Valid } from './valid.js';

export interface RouteOf {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the controller's own, such as :inbox_id/pause. */
  path?: string;
  /** One line of what it does. */
  says: string;
  /** One line of what is so once it has answered, and of what it answers. */
  result: string;
  status?: number;
  /** The same answer comes with 201 where it was not there before. */
  mayCreate?: boolean;
  /** What it answers: JSON of a schema, nothing, the bytes of a file, or a stream of events. */
  answers: z.ZodType | 'nothing' | 'bytes' | 'events';
  /** It takes one file as multipart/form-data. */
  takesFile?: boolean;
  /** Refusals that are its own, by status, each as it is told. */
  refuses?: Record<number, Refusal[]>;
}

export interface Refusal {
  code: string;
  detail: string;
  [more: string]: unknown;
}

/** Something a route takes, by where it stands. */
export interface RouteInput {
  in: 'body' | 'query' | 'path' | 'header';
  name: string;
  schema: z.ZodType;
}

export interface DeclaredRoute extends RouteOf {
  /** Name of the method, unique within its controller. */
  name: string;
  inputs: RouteInput[];
}

const inputsOf = new WeakMap<object, Map<string | symbol, RouteInput[]>>();
const routesOf = new WeakMap<object, DeclaredRoute[]>();
const prefixOf = new WeakMap<object, string>();

/** A controller below /v1, for signed-in callers alone. */
export function V1(path: string): ClassDecorator {
  const toNest = applyDecorators(Controller(`v1/${path}`), UseGuards(CallerGuard)) as ClassDecorator;
  return (target) => {
    prefixOf.set(target.prototype as object, `v1/${path}`);
    return toNest(target);
  };
}

export function Route(of: RouteOf): MethodDecorator {
  const toNest = applyDecorators(RequestMapping({ path: of.path ?? '', method: RequestMethod[of.method] }), HttpCode(of.status ?? 200));
  return (target, key, descriptor) => {
    const inputs = inputsOf.get(target)?.get(key) ?? [];
    routesOf.set(target, [...(routesOf.get(target) ?? []), { ...of, name: String(key), inputs }]);
    return toNest(target, key, descriptor);
  };
}

/** What a controller declared, in order; nothing for one that is not below /v1. */
export function declaredRoutes(prototype: object): { prefix: string; route: DeclaredRoute }[] {
  const prefix = prefixOf.get(prototype);
  return prefix === undefined ? [] : (routesOf.get(prototype) ?? []).map((route) => ({ prefix, route }));
}

export const FromBody = (schema: z.ZodType) => input({ in: 'body', name: '', schema }, Body(new Valid(schema)));
export const FromQuery = (schema: z.ZodType) => input({ in: 'query', name: '', schema }, Query(new Valid(schema)));
export const FromPath = (name: string, schema: z.ZodType) => input({ in: 'path', name, schema }, Param(name, new Valid(schema, name)));
export const FromHeader = (name: string, schema: z.ZodType) =>
  input({ in: 'header', name, schema }, HeaderOf(name.toLowerCase(), new Valid(schema, name)));

/** Nest's own takes no pipe. */
const HeaderOf = createParamDecorator(
  (name: string, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().headers[name],
);

function input(of: RouteInput, toNest: ParameterDecorator): ParameterDecorator {
  return (target, key, index) => {
    const byMethod = inputsOf.get(target) ?? new Map<string | symbol, RouteInput[]>();
    byMethod.set(key!, [of, ...(byMethod.get(key!) ?? [])]);
    inputsOf.set(target, byMethod);
    toNest(target, key, index);
  };
}
