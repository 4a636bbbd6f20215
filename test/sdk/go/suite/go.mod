module stele.test/sdk/suite

go 1.25

// The oldest client; a program that needs a newer one raises it, so the calls here are those that
// every generation has.
require github.com/codenotary/immudb v0.9.2
