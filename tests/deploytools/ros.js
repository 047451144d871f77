// Judges a ROS template with the property classes that Alibaba Cloud publishes (ros-cdk): wrong types, missing and unknown properties.
//
// node ros.js FOLDER-OF-PACKAGES < [{"name", "type", "properties"}]   (properties with every function carried out)
// Prints [{"name", "problem"}], and under "unjudged" the types that none of the packages knows.
'use strict';
const fs = require('fs');
const path = require('path');

const folder = path.join(process.argv[2], 'node_modules', '@alicloud');
const ros = require(path.join(folder, 'ros-cdk-core'));
const packages = fs.readdirSync(folder).filter((name) => name.startsWith('ros-cdk-') && !/core|cxapi|assembly/.test(name));
const classes = {};
for (const name of packages) {
  for (const each of Object.values(require(path.join(folder, name)))) {
    if (each && each.ROS_RESOURCE_TYPE_NAME) classes[each.ROS_RESOURCE_TYPE_NAME] = each;
  }
}

const isMap = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

// The classes take `roleName` for the template's `RoleName`, at every depth, `ttl` for `TTL`, and `identity` for `Id`.
const spelled = (key) => {
  if (key === 'Id') return 'identity';
  return /^[A-Z]+$/.test(key) ? key.toLowerCase() : key[0].toLowerCase() + key.slice(1);
};

function camel(value) {
  if (Array.isArray(value)) return value.map(camel);
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [spelled(key), camel(each)]));
}

// What we wrote and the class did not write back is a property that it does not know.
function* unknown(ours, theirs, place) {
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    for (const at of ours.keys()) yield* unknown(ours[at], theirs[at], `${place}.${at}`);
  } else if (isMap(ours) && isMap(theirs)) {
    for (const key of Object.keys(ours)) {
      const back = key in theirs ? key : spelled(key); // free maps come back as they were given
      if (theirs[back] === undefined) yield `${place}.${key}: unknown property`;
      else yield* unknown(ours[key], theirs[back], `${place}.${key}`);
    }
  }
}

function problems({ name, type, properties }) {
  try {
    const made = new classes[type](new ros.Stack(), name, camel(properties), true);
    return [...unknown(properties, made.renderProperties(made.rosProperties), name)].map((problem) => ({ name, problem }));
  } catch (error) {
    return [{ name, problem: error.message }];
  }
}

const resources = JSON.parse(fs.readFileSync(0, 'utf8'));
const judged = resources.filter((each) => classes[each.type]);
console.log(JSON.stringify({
  problems: judged.flatMap(problems),
  judged: judged.length,
  unjudged: [...new Set(resources.filter((each) => !classes[each.type]).map((each) => each.type))],
}));
