// Where nothing is confined, what layers and the runtime bring is not above the code. `NODE_PATH` leads `require` there;
// for ES modules it does not count, and what is found nowhere else is looked for there by this.

let places;

export function initialize(given) {
  places = given;
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    const isPackage = /^[^./]/.test(specifier) && !URL.canParse(specifier);
    if (error?.code !== "ERR_MODULE_NOT_FOUND" || !isPackage) throw error;
    for (const parentURL of places) {
      const found = await next(specifier, { ...context, parentURL }).catch(() => undefined);
      if (found) return found;
    }
    throw error;
  }
}
