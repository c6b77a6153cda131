//! Large bodies, which are kept beside the tree.

use crate::*;

on_every_back_end! {
    bodies_are_read_back_and_unnamed_ones_are_swept
    a_body_named_twice_goes_with_its_second_name
    an_unfinished_body_leaves_nothing
}

async fn write_body(store: &Store, body: &[u8]) -> Blob {
    let mut writer = store.blobs().create().await.unwrap();
    for piece in body.chunks(100_000) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    writer.finish().await.unwrap()
}

async fn read_body(store: &Store, blob: Blob) -> Result<Vec<u8>> {
    let reader = store.blobs().open(blob).await?;
    let mut body = Vec::new();
    while body.len() < usize::try_from(reader.len()).unwrap() {
        body.extend_from_slice(&reader.read_at(body.len() as u64, u64::MAX).await?);
    }
    Ok(body)
}

async fn bodies_are_read_back_and_unnamed_ones_are_swept(disk: Disk) {
    let store = disk.open();
    let body: Vec<u8> = (0..3_000_000_u32)
        .map(|n| n.to_le_bytes()[n as usize % 4])
        .collect();
    let (named, unnamed) = (
        write_body(&store, &body).await,
        write_body(&store, b"nobody's").await,
    );
    store.write(|tx| Blobs::keep(tx, named.id)).await.unwrap();
    assert_eq!(read_body(&store, named).await.unwrap(), body);
    let part = store
        .blobs()
        .open(named)
        .await
        .unwrap()
        .read_at(1_234_567, 10)
        .await
        .unwrap();
    assert_eq!(part, body[1_234_567..1_234_577]);
    drop(store);
    let store = disk.open();
    let unfinished = write_body(&store, b"about to be named").await;
    assert_eq!(store.blobs().sweep(&store).await.unwrap(), 1);
    assert_eq!(read_body(&store, named).await.unwrap(), body);
    assert!(read_body(&store, unfinished).await.is_ok());
    assert!(matches!(
        read_body(&store, unnamed).await,
        Err(Error::NoBlob(_))
    ));
}

async fn a_body_named_twice_goes_with_its_second_name(disk: Disk) {
    let store = disk.open();
    let blob = write_body(&store, b"shared").await;
    for _ in 0..2 {
        store.write(|tx| Blobs::keep(tx, blob.id)).await.unwrap();
    }
    store
        .write(|tx| Blobs::drop_name(tx, blob.id))
        .await
        .unwrap();
    assert_eq!(store.blobs().reap(&store, 10).await.unwrap(), 0);
    assert_eq!(read_body(&store, blob).await.unwrap(), b"shared");
    let reader = store.blobs().open(blob).await.unwrap();
    store
        .write(|tx| Blobs::drop_name(tx, blob.id))
        .await
        .unwrap();
    assert_eq!(store.blobs().reap(&store, 10).await.unwrap(), 1);
    assert!(matches!(
        read_body(&store, blob).await,
        Err(Error::NoBlob(_))
    ));
    assert_eq!(
        reader.read_at(0, 10).await.unwrap(),
        "shared",
        "whoever had it open reads on"
    );
}

async fn an_unfinished_body_leaves_nothing(disk: Disk) {
    let store = disk.open();
    let mut writer = store.blobs().create().await.unwrap();
    writer.write(Bytes::from(vec![7; 2_000_000])).await.unwrap();
    drop(writer);
    if let Disk::Embedded(dir) = &disk {
        let left = std::fs::read_dir(dir.0.join("blobs"))
            .unwrap()
            .map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap().count())
            .sum::<usize>();
        assert_eq!(left, 0);
    }
}

/// A folder that is made for a first body would have to be synced by whoever finds it there.
#[tokio::test]
async fn bodies_need_no_folder_that_was_not_there_and_synced_at_opening() {
    let dir = TempDir::new();
    let store = Store::open(&dir.0, Random::system()).unwrap();
    let folders = || std::fs::read_dir(dir.0.join("blobs")).unwrap().count();
    assert_eq!(folders(), 16);
    for _ in 0..20 {
        write_body(&store, b"a body").await;
    }
    assert_eq!(folders(), 16);
    drop(store);
    drop(Store::open(&dir.0, Random::system()).unwrap());
    assert_eq!(folders(), 16);
}
