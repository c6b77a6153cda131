module.exports = "from the layer";
