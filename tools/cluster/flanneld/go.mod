module weft/cluster/flanneld

go 1.26.0

require github.com/flannel-io/flannel v0.28.10

// The backend for one cloud's networks, whose library no module proxy has in this version.
replace github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/vpc => ./vpc
