package signals_test
import ("testing";"fmt";"gorm.io/gorm";"gorm.io/gorm/clause")
func TestSmoke(t *testing.T){
 db:=open(t,&Product{},&Page{})
 tr:=traceProducts(db)
 do:=func(name string, tx *gorm.DB){ fmt.Println("==",name, tx.RowsAffected, tx.Error); for _,l:=range tr.take(){fmt.Println("   ",l)}}
 p:=Product{Name:"a",Price:1}
 do("create",db.Create(&p))
 do("create slice",db.Create([]*Product{{Name:"b",Price:2},{Name:"c",Price:3}}))
 do("create map",db.Model(&Product{}).Create(map[string]any{"Name":"m","price":7}))
 do("create maps",db.Model(&Product{}).Create([]map[string]any{{"Name":"m1","price":7},{"Name":"m2"}}))
 ms:=[]map[string]any{{"Name":"m3","price":7},{"Name":"m4"}}
 do("create &maps",db.Model(&Product{}).Create(&ms)); fmt.Println(ms)
 p.Price=5
 do("save",db.Save(&p))
 do("save new",db.Save(&Product{Name:"z"}))
 do("save keyed insert",db.Save(&Product{ID:99,Name:"k"}))
 do("select* updates missing",db.Select("*").Updates(&Product{ID:98,Name:"k"}))
 do("update",db.Model(&p).Update("price",9))
 do("update key only",db.Model(&Product{ID:2}).Updates(map[string]any{"price":gorm.Expr("price+100")}))
 do("updates cond",db.Model(&Product{}).Where("price < ?",8).Updates(Product{Name:"cheap"}))
 do("save slice",db.Save([]Product{{ID:1,Name:"s1"},{Name:"new"}}))
 do("upsert nothing",db.Clauses(clause.OnConflict{DoNothing:true}).Create([]*Product{{ID:1,Name:"x"},{ID:50,Name:"y"}}))
 do("delete missing",db.Delete(&Product{ID:1234}))
 do("delete",db.Delete(&p))
 do("delete keys",db.Delete(&Product{},[]int{2,3}))
 do("delete cond",db.Where("name = ?","cheap").Delete(&Product{}))
 do("delete none",db.Delete(&Product{}))
 tr=tracePages(db)
 pg:=Page{Title:"t"}
 do("create",db.Create(&pg))
 do("soft",db.Delete(&pg))
 do("soft again",db.Delete(&pg))
 do("restore",db.Unscoped().Model(&pg).Update("deleted_at",nil))
 do("soft",db.Delete(&Page{},1))
 pg.DeletedAt=gorm.DeletedAt{}
 do("save restores",db.Save(&pg))
 do("unscoped",db.Unscoped().Delete(&pg))
}
