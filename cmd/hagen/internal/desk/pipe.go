package desk

// pipe is what -o names standard output with.
const pipe = "-"
