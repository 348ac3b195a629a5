package inspector_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/inspector"
)

func ExampleInspector_Handler() {
	db, err := gorm.Open(sqlite.Open("file:inspected?mode=memory"))
	if err != nil {
		fmt.Println(err)
		return
	}
	ins := inspector.New()
	if err = db.Use(signals.Plugin{Observer: ins}); err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/signals/", ins.Handler(db)) // put your own authentication around it

	type Lamp struct{ ID, Price int }
	_ = db.AutoMigrate(&Lamp{})
	signals.For[Lamp](db).PreSave.Connect(func(context.Context, signals.SaveEvent[*Lamp]) error { return nil })
	db.Create(&Lamp{Price: 30})

	server := httptest.NewServer(mux)
	defer server.Close()
	request, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL+"/signals/text", http.NoBody)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body)
	summary, _, _ := strings.Cut(string(text), "\n")
	fmt.Println(summary)
	// Output: 2 steps recorded, values are hidden, 0 watching
}
