// Package api is what the programs agree on.
package api

// Stream is the stream of JetStream that the events are in.
const Stream = "SHOP"

// ProductV1 is what other programs get of a product. A change that they cannot read makes a ProductV2.
type ProductV1 struct {
	ID    uint   `json:"id"`
	Name  string `json:"name"`
	Price int64  `json:"price"`
}
