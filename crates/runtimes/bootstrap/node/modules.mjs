// Where nothing is confined, the modules that the runtime brings are not above the code. `NODE_PATH` leads `require` there;
// for ES modules it does not count, and what is found nowhere else is looked for there by this.

let place;

export function initialize(given) {
  place = given;
}

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    const isPackage = /^[^./]/.test(specifier) && !URL.canParse(specifier);
    if (error?.code !== "ERR_MODULE_NOT_FOUND" || !isPackage) throw error;
    return next(specifier, { ...context, parentURL: place }).catch(() => {
      throw error;
    });
  }
}
