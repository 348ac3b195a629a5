module github.com/gorm-signals/signals/product/smtpmail

go 1.26

require (
	github.com/gorm-signals/signals v0.1.0
	github.com/stretchr/testify v1.12.1
	github.com/wneessen/go-mail v0.8.1
)

require (
	github.com/jinzhu/inflection v1.0.0 // indirect
	github.com/jinzhu/now v1.1.5 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/text v0.40.0 // indirect
	gorm.io/gorm v1.31.2 // indirect
)

replace github.com/gorm-signals/signals => ../../
