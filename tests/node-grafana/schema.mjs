// Validators made of the types in dashboard.ts.

import { fileURLToPath } from 'node:url';
import Ajv from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';

const path = fileURLToPath(new URL('dashboard.ts', import.meta.url));
const tsconfig = fileURLToPath(new URL('tsconfig.json', import.meta.url));

/** A function for each exported type that says what is wrong with a value, a line for each fault. */
export function validators() {
  const generator = createGenerator({ path, tsconfig, skipTypeCheck: true, additionalProperties: false, topRef: true });
  const schema = generator.createSchema('*');
  const ajv = new Ajv({ allErrors: true, strict: false, allowUnionTypes: true });
  ajv.addSchema(schema, 'types');
  return (type, value) => {
    const valid = ajv.getSchema(`types#/definitions/${type}`);
    if (!valid) throw new Error(`dashboard.ts exports no ${type}`);
    if (valid(value)) return [];
    return valid.errors.map(
      ({ instancePath, message, params }) => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
    );
  };
}
