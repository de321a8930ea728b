//! tmp
use burn::nn::conv::Conv2dConfig; use burn::nn::LinearConfig; use burn::nn::pool::MaxPool2dConfig; use burn::tensor::*; use burn::tensor::activation::relu;
#[test] fn speed() {
  let d=Device::flex();
  let c1=Conv2dConfig::new([1,32],[3,3]).init(&d); let c2=Conv2dConfig::new([32,64],[3,3]).init(&d); let p=MaxPool2dConfig::new([2,2]).with_strides([2,2]).init(); let h=LinearConfig::new(9216,128).init(&d); let o=LinearConfig::new(128,10).init(&d);
  for rows in [8usize,16,32,64,128,256] {
    let x=Tensor::<4>::random([rows,1,28,28],Distribution::Default,&d);
    let mut best=[f64::MAX;6];
    for _ in 0..4 { 
      let mut t=std::time::Instant::now(); let mut lap=|| {let e=t.elapsed().as_secs_f64(); t=std::time::Instant::now(); e};
      let a=c1.forward(x.clone()); let t0=lap(); let a=relu(a); let t1=lap(); let a=c2.forward(a); let t2=lap(); let a=relu(a); let t3=lap(); let a=p.forward(a).flatten::<2>(1,3); let t4=lap(); let _=o.forward(relu(h.forward(a))); let t5=lap();
      for (b,t) in best.iter_mut().zip([t0,t1,t2,t3,t4,t5]) { *b=b.min(t); }
    }
    let per:Vec<String>=best.iter().map(|b|format!("{:.3}",b*1e3/rows as f64)).collect();
    println!("rows {rows}: ms/row conv1 {} ", per.join(" "));
  }
  let x=Tensor::<2>::random([256,784],Distribution::Default,&d);
  let t=std::time::Instant::now();
  let m=candor_metrics::faithfulness::PixelFlippingConfig::new().with_features_per_step(28).init().unwrap();
  let x16=x.clone().slice([0..16]);
  let w=Tensor::<2>::random([784,10],Distribution::Default,&d);
  let _=m.evaluate(&|x:Tensor<2>|x.matmul(w.clone()),x16.clone(),&x16,x16.zeros_like(),&candor_core::Target::Output(0)).unwrap();
  println!("pf linear {:?}",t.elapsed());
  let t=std::time::Instant::now();
  let m=candor_metrics::faithfulness::FaithfulnessCorrelationConfig::new().with_subset_size(Some(224)).init().unwrap();
  let _=m.evaluate(&|x:Tensor<2>|x.matmul(w.clone()),x16.clone(),&x16,x16.zeros_like(),&candor_core::Target::Output(0),candor_core::DrawKey::new(0)).unwrap();
  println!("fc linear {:?}",t.elapsed());
  let t=std::time::Instant::now();
  let m=candor_metrics::faithfulness::InfidelityConfig::new().with_n_samples(50).init().unwrap();
  let _=m.evaluate(&|x:Tensor<2>|x.matmul(w.clone()),x16.clone(),&x16,&candor_core::Target::Output(0),candor_core::DrawKey::new(0)).unwrap();
  println!("inf linear {:?}",t.elapsed());
}
