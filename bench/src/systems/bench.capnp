@0x9e0ff7f5de529719;

interface Bench {
  add @0 (a :UInt64, b :UInt64) -> (sum :UInt64);
  echo @1 (text :Text) -> (text :Text);
  wait @2 (wait :UInt8, text :Text) -> (text :Text);
  blob @3 (data :Data) -> (data :Data);
}
