// Nothing asks for a stack until after memwhy has looked.
'use strict';
const { late, done } = require('./show.js');

class Late {
  constructor(tag) {
    this.tag = tag;
  }
  first() { return [1].map(
    () => this.second()); }
  second() {
    return late(this.tag);
  }
}
function outer(tag) {
  return new Late(tag).first();
}
outer('late');
done();
