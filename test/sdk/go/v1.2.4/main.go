// The suite on the Go client 1.2.4.
package main

import (
	"context"

	"github.com/codenotary/immudb/pkg/api/schema"
	"github.com/codenotary/immudb/pkg/client"
	"stele.test/sdk/since12"
	"stele.test/sdk/suite"
)

func connect(ctx context.Context, o suite.Options, create bool) (*suite.Session[*schema.TxHeader], error) {
	return since12.Connect(ctx, o, create, func(c client.ImmuClient) suite.Client[*schema.TxHeader] { return c })
}

func main() { suite.Main("1.2.4", connect) }
