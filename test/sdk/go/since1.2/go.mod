module stele.test/sdk/since12

go 1.25

require (
	github.com/codenotary/immudb v1.2.4
	stele.test/sdk/suite v0.0.0
)
