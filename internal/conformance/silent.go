package conformance

import (
	"context"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

// silentCases are about calls that send nothing, and about the signals of queries.
func silentCases() []Case {
	return []Case{
		{"update column", "UpdateColumn and UpdateColumns send nothing.", updateColumn},
		{"skip hooks", "Session{SkipHooks: true} sends nothing for any write.", skipHooks},
		{"raw sql", "Exec and Raw send nothing.", rawSQL},
		{"table without a model", "Writes to a Table without a model send nothing.", tableWithoutModel},
		{"dry run", "DryRun and ToSQL send nothing and write nothing.", dryRun},
		{"queries", "Count, Pluck, Find and First send no save or delete signal.", queries},
		{"nobody listens", "A write of a model that nobody listens to runs the statements that it runs without the plugin, and no other.", nobodyListens},
		{"post_load", "post_load is sent for every struct that First, Find and Preload fill.", postLoad},
		{"no post_load", "Scan, Rows, Count, Pluck, maps, other types and a query under SkipHooks or Mute send no post_load.", noPostLoad},
		{"no post_load of joins", "A struct that Joins fills has no post_load; the one around it has.", noPostLoadOfJoins},
		{"veto of post_load", "An error of post_load is the query's.", vetoOfPostLoad},
	}
}

func updateColumn(c *C) {
	a := seed(c, "ab")[0]
	hear[Item](c)
	require.NoError(c, c.DB.Model(&a).UpdateColumn("price", 9).Error)
	require.NoError(c, c.DB.Model(&Item{}).Where("name = ?", "b").UpdateColumns(map[string]any{"price": 8}).Error)
	require.NoError(c, c.DB.Model(&a).UpdateColumns(Item{Price: 7}).Error)
	c.want()
	stored[Item](c, "a 7", "b 8")
}

func skipHooks(c *C) {
	a := seed(c, "ab")[0]
	hear[Item](c)
	db := c.DB.Session(&gorm.Session{SkipHooks: true})
	row := Item{Name: "new"}
	require.NoError(c, create(c, db, &row))
	row.Name = "c"
	require.NoError(c, db.Save(&row).Error)
	_, err := update[Item](c, db, "price", 9, "name = ?", "b")
	require.NoError(c, err)
	require.NoError(c, db.Delete(&a).Error)
	c.want()
	stored[Item](c, "b 9", "c 0")
}

// tableOf is the table of a model.
func tableOf(c *C, model any) clause.Table {
	c.Helper()
	stmt := &gorm.Statement{DB: c.DB}
	require.NoError(c, stmt.Parse(model))
	return clause.Table{Name: stmt.Schema.Table}
}

func rawSQL(c *C) {
	seed(c, "a")
	hear[Item](c)
	require.NoError(c, c.DB.Exec("UPDATE ? SET price = 9", tableOf(c, &Item{})).Error)
	var prices []int64
	require.NoError(c, c.source().Raw("SELECT price FROM ?", tableOf(c, &Item{})).Scan(&prices).Error)
	c.want()
	stored[Item](c, "a 9")
}

func tableWithoutModel(c *C) {
	seed(c, "a")
	hear[Item](c)
	items := tableOf(c, &Item{}).Name
	require.NoError(c, c.DB.Table(items).Where("name = ?", "a").Updates(map[string]any{"price": 9}).Error)
	require.NoError(c, c.DB.Table(items).Create(map[string]any{"name": "b", "price": 2}).Error)
	c.want()
	stored[Item](c, "a 9", "b 2")
}

func dryRun(c *C) {
	a := seed(c, "a")[0]
	hear[Item](c)
	db := c.DB.Session(&gorm.Session{DryRun: true})
	require.NoError(c, db.Create(&Item{Name: "b"}).Error)
	require.NoError(c, db.Model(&a).Update("price", 9).Error)
	require.NoError(c, db.Delete(&Item{}, a.ID).Error)
	assert.Contains(c, c.DB.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Delete(&Item{}, a.ID) }), "DELETE")
	c.want()
	stored[Item](c, "a 1")
}

func queries(c *C) {
	seed(c, "a")
	hear[Item](c)
	var (
		n     int64
		names []string
		rows  []Item
	)
	require.NoError(c, c.source().Model(&Item{}).Count(&n).Error)
	require.NoError(c, c.source().Model(&Item{}).Pluck("name", &names).Error)
	require.NoError(c, c.source().Find(&rows).Error)
	row, err := first[Item](c, c.source(), "price = ?", 1)
	require.NoError(c, err)
	assert.Equal(c, "a 1", row.String())
	c.want()
}

func nobodyListens(c *C) {
	a := seed(c, "ab")[0]
	hear[Audit](c)
	counted := func(write func(tx *gorm.DB) error) int {
		tx := c.DB.Begin()
		require.NoError(c, tx.Error)
		defer func() { require.NoError(c, tx.Rollback().Error) }()
		n, err := Statements(tx, write)
		require.NoError(c, err)
		return n
	}
	assert.Equal(c, 1, counted(func(tx *gorm.DB) error { return create(c, tx, &Item{}) }))
	assert.Equal(c, 1, counted(func(tx *gorm.DB) error { return tx.Save(&Item{ID: a.ID, Name: "c"}).Error }))
	assert.Equal(c, 1, counted(func(tx *gorm.DB) error {
		_, err := update[Item](c, tx, "price", 9, "price < ?", 5)
		return err
	}))
	assert.Equal(c, 1, counted(func(tx *gorm.DB) error {
		_, err := remove[Item](c, tx, "price < ?", 5)
		return err
	}))
	hear[Item](c)
	assert.Less(c, 1, counted(func(tx *gorm.DB) error {
		_, err := remove[Item](c, tx, "price < ?", 5)
		return err
	}), "the rows are read")
}

func postLoad(c *C) {
	album := albums(c)
	signals.For[Album](c.DB).PostLoad.Connect(func(_ context.Context, e signals.LoadEvent[*Album]) error {
		c.say("Album %s", e.Instance)
		return nil
	})
	signals.For[Track](c.DB).PostLoad.Connect(func(_ context.Context, e signals.LoadEvent[*Track]) error {
		c.say("Track %s", e.Instance)
		e.Instance.Title += "!"
		return nil
	})
	_, err := first[Album](c, c.source(), "title = ?", album.Title)
	require.NoError(c, err)
	c.want(line("Album debut"))
	var found Album
	require.NoError(c, c.source().Preload("Tracks").First(&found).Error)
	c.wantSame(line("Album debut"), []string{"Track one", "Track two"})
	assert.Equal(c, "one!", found.Tracks[0].Title)
	var rows []*Track
	require.NoError(c, c.source().Order("id").Find(&rows).Error)
	c.want([]string{"Track one", "Track two"})
	require.NoError(c, c.source().Raw("SELECT * FROM ?", tableOf(c, &Album{})).Find(&[]Album{}).Error)
	c.want(line("Album debut"))
	require.NoError(c, c.source().Find(&rows, "title = ?", "nobody").Error)
	c.want()
}

func noPostLoad(c *C) {
	seed(c, "a")
	signals.For[Item](c.DB).PostLoad.Connect(note[signals.LoadEvent[*Item]](c, "loaded"))
	var (
		names []string
		row   struct{ Name string }
		found map[string]any
		item  Item
	)
	db := c.source()
	require.NoError(c, db.Model(&Item{}).Pluck("name", &names).Error)
	require.NoError(c, db.Model(&Item{}).Select("name").Scan(&row).Error)
	require.NoError(c, db.Model(&Item{}).Take(&found).Error)
	require.NoError(c, db.Session(&gorm.Session{SkipHooks: true}).Take(&item).Error)
	require.NoError(c, db.WithContext(signals.Mute(c.Context())).Take(&item).Error)
	require.ErrorIs(c, db.Take(&item, item.ID+7).Error, gorm.ErrRecordNotFound)
	var n int64
	require.NoError(c, db.Model(&Item{}).Count(&n).Error)
	require.NoError(c, db.Model(&Item{}).Scan(&[]Item{}).Error)
	require.NoError(c, db.Model(&Item{}).Find(&[]struct{ Name string }{}).Error)
	rows, err := db.Model(&Item{}).Rows()
	require.NoError(c, err)
	defer func() { require.NoError(c, rows.Close()) }()
	for rows.Next() {
		require.NoError(c, db.ScanRows(rows, &item))
	}
	require.NoError(c, rows.Err())
	c.want()
}

func noPostLoadOfJoins(c *C) {
	album := albums(c)
	require.NoError(c, c.DB.Model(album).Association("Label").Append(&Label{Name: "blue"}))
	signals.For[Album](c.DB).PostLoad.Connect(note[signals.LoadEvent[*Album]](c, "album"))
	signals.For[Label](c.DB).PostLoad.Connect(note[signals.LoadEvent[*Label]](c, "label"))
	var found Album
	require.NoError(c, c.source().Joins("Label").First(&found).Error)
	assert.Equal(c, "blue", found.Label.Name)
	c.want(line("album"))
}

func vetoOfPostLoad(c *C) {
	seed(c, "a")
	signals.For[Item](c.DB).PostLoad.Connect(refuse[signals.LoadEvent[*Item]])
	_, err := first[Item](c, c.source(), "price = ?", 1)
	require.ErrorIs(c, err, errRefused)
}
