package outbox

// row holds the waiting events of one row, in their order. The worker that handles the first one owns the other fields.
type row struct {
	subject string
	events  []*held
	busy    bool   // a worker handles the first event
	out     uint64 // sequence of the last event that is done or parked
}

// rowQueue is a heap of rows by the tickets of their first events, the oldest first.
type rowQueue []*row

func (q *rowQueue) Len() int           { return len(*q) }
func (q *rowQueue) Less(i, j int) bool { return (*q)[i].events[0].ticket < (*q)[j].events[0].ticket }
func (q *rowQueue) Swap(i, j int)      { (*q)[i], (*q)[j] = (*q)[j], (*q)[i] }

// Push implements [heap.Interface].
func (q *rowQueue) Push(x any) {
	r, _ := x.(*row)
	*q = append(*q, r)
}

// Pop implements [heap.Interface].
func (q *rowQueue) Pop() any {
	last := len(*q) - 1
	r := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return r
}
