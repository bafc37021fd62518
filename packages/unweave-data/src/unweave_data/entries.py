"""The table of data sets: contents, folders of their files, and sources."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Source(NamedTuple):
    """Licence and citation of a data set."""

    licence: str
    citation: str
    url: str = ""


@dataclass(frozen=True)
class Entry:
    """One data set.

    Parameters
    ----------
    name
        name of the set
    target
        "module:function" of the function that loads it
    what
        images and factors, in one line
    files
        description of what `path` must be; "" if no file is read
    size
        size of the files
    folders
        folders that are searched without a path: absolute, or sub-folders of $UNWEAVE_DATA
    source
        licence and citation
    instead
        alternative without the files

    """

    name: str
    target: str
    what: str
    files: str = ""
    size: str = ""
    folders: tuple[str, ...] = ()
    source: Source = field(default=Source("", ""))
    instead: str = ""

    @property
    def looked_for(self) -> str:
        """Folders in which the files are searched, as text."""
        places = [f if f.startswith("/") else f"$UNWEAVE_DATA/{f}" for f in self.folders]
        return " or ".join(places)

    def text(self) -> str:
        """Return a description of the set in several lines."""
        lines = {
            "file": self.files,
            "size": self.size,
            "looked for in": self.looked_for,
            "from": self.source.url,
            "licence": self.source.licence,
            "citation": self.source.citation,
            "without it": self.instead,
        }
        header = [f"{self.name}: {self.what}"]
        return "\n".join(header + [f"{key}: {value}" for key, value in lines.items() if value])


_DSPRITES = Source(
    "Apache-2.0 (the original file); the rendering is ours, MIT",
    "L. Matthey, I. Higgins, D. Hassabis, A. Lerchner. dSprites: disentanglement testing sprites "
    "dataset. 2017",
    "https://github.com/google-deepmind/dsprites-dataset",
)
_VARIANTS = Source(
    _DSPRITES.licence,
    "F. Locatello et al. Challenging common assumptions in the unsupervised learning of "
    "disentangled representations. ICML 2019",
    _DSPRITES.url,
)
_MPI3D = Source(
    "CC BY 4.0",
    "M. W. Gondal et al. On the transfer of inductive bias from simulation to the real world: a "
    "new disentanglement dataset. NeurIPS 2019",
    "https://github.com/rr-learning/disentanglement_dataset",
)
_NVIDIA = Source(
    "CC BY 4.0",
    "W. Nie et al. Semi-supervised StyleGAN for disentanglement learning. ICML 2020",
    "https://sites.google.com/nvidia.com/semi-stylegan",
)
_USERS = Source("yours", "")
_OURS = Source("ours, MIT", "")
_ORIGINAL_DSPRITES = "optional: dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz or .hdf5"

ENTRIES = (
    Entry(
        "dsprites", "unweave_data.rendered.dsprites:dsprites",
        "737,280 black and white shapes, 64 x 64; shape, scale, orientation, position",
        _ORIGINAL_DSPRITES, "26 MB", (), _DSPRITES, "rendered",
    ),
    Entry(
        "noisy-dsprites", "unweave_data.views.sprites:noisy_dsprites",
        "dSprites with uniform noise on every pixel and channel, 64 x 64 x 3",
        _ORIGINAL_DSPRITES, "26 MB", (), _VARIANTS, "rendered",
    ),
    Entry(
        "color-dsprites", "unweave_data.views.sprites:color_dsprites",
        "dSprites in a random colour, 64 x 64 x 3",
        _ORIGINAL_DSPRITES, "26 MB", (), _VARIANTS, "rendered",
    ),
    Entry(
        "scream-dsprites", "unweave_data.views.sprites:scream_dsprites",
        "random crops of a picture, inverted where the shape is, 64 x 64 x 3",
        f"{_ORIGINAL_DSPRITES}; for background=, a picture of Munch's The Scream",
        "26 MB", (), _VARIANTS, "rendered, with a photograph from scikit-learn as background",
    ),
    Entry(
        "shapes3d-rendered", "unweave_data.rendered.shapes3d:shapes3d_rendered",
        "480,000 rendered rooms with an object, 64 x 64 x 3; the six factors of 3D Shapes",
        source=_OURS,
    ),
    Entry(
        "shapes3d", "unweave_data.formats.shapes3d:shapes3d",
        "480,000 rooms with an object, 64 x 64 x 3; floor, wall and object hue, scale, shape, "
        "orientation",
        "3dshapes.h5", "267 MB; 5.9 GB unpacked", ("shapes3d", "3dshapes"),
        Source("Apache-2.0", "C. Burgess, H. Kim. 3D Shapes dataset. 2018",
               "https://github.com/google-deepmind/3d-shapes"),
        "shapes3d-rendered is a scene of ours with the same factors",
    ),
    Entry(
        "mpi3d", "unweave_data.formats.mpi3d:mpi3d",
        "1,036,800 or 460,800 pictures of a robot arm, 64 x 64 x 3; colour, shape, size, camera, "
        "background, two axes",
        "mpi3d_toy.npz, mpi3d_realistic.npz, mpi3d_real.npz or "
        "real3d_complicated_shapes_ordered.npz",
        "12.7 GB unpacked; the complex set 5.7 GB", ("mpi3d",), _MPI3D,
    ),
    Entry(
        "cars3d", "unweave_data.formats.cars3d:cars3d",
        "17,568 renderings of cars; elevation 4, azimuth 24, object 183",
        "the folder with car_*_mesh.mat, or cars3d.npz", "300 MB", ("cars3d", "cars"),
        Source("not stated", "S. Reed, Y. Zhang, Y. Zhang, H. Lee. Deep visual analogy-making. "
               "NeurIPS 2015", "http://www.scottreed.info/files/nips2015-analogy-data.tar.gz"),
    ),
    Entry(
        "smallnorb", "unweave_data.formats.smallnorb:smallnorb",
        "48,600 pairs of grey photographs of toys, 96 x 96; category 5, instance 10, elevation 9, "
        "azimuth 18, lighting 6",
        "the folder with the six smallnorb-*.mat files, gzipped or not", "890 MB",
        ("smallnorb", "small_norb"),
        Source("for research only", "Y. LeCun, F. J. Huang, L. Bottou. Learning methods for "
               "generic object recognition with invariance to pose and lighting. CVPR 2004",
               "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"),
    ),
    Entry(
        "chairs3d", "unweave_data.formats.chairs3d:chairs3d",
        "86,366 renderings of 1,393 chairs; azimuth 31, elevation 2, chair",
        "the folder rendered_chairs", "3 GB", ("chairs3d", "rendered_chairs"),
        Source("for research only", "M. Aubry et al. Seeing 3D chairs: exemplar part-based 2D-3D "
               "alignment using a large dataset of CAD models. CVPR 2014",
               "https://www.di.ens.fr/willow/research/seeing3Dchairs/"),
    ),
    Entry(
        "celeba", "unweave_data.formats.celeba:celeba",
        "202,599 faces, 218 x 178; 40 attributes",
        "the folder with img_align_celeba, list_attr_celeba.txt and list_eval_partition.txt (.csv)",
        "1.4 GB", ("celeba",),
        Source("for research only", "Z. Liu, P. Luo, X. Wang, X. Tang. Deep learning face "
               "attributes in the wild. ICCV 2015",
               "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"),
    ),
    Entry(
        "falcor3d", "unweave_data.formats.nvidia:falcor3d",
        "233,280 renderings of a room; lighting intensity and direction, camera position",
        "the folder Falcor3D_down128, with images and train-rec.labels", "4 GB",
        ("falcor3d", "Falcor3D_down128"), _NVIDIA,
    ),
    Entry(
        "isaac3d", "unweave_data.formats.nvidia:isaac3d",
        "737,280 renderings of a robot in a kitchen; nine factors",
        "the folder Isaac3D_down128, with images and labels.npy", "12 GB",
        ("isaac3d", "Isaac3D_down128"), _NVIDIA,
    ),
    Entry(
        "mnist", "unweave_data.formats.mnist:mnist",
        "60,000 training and 10,000 test images of handwritten digits, 28 x 28",
        "the folder with the four idx files", "12 MB", ("mnist", "MNIST/raw"),
        Source("CC BY-SA 3.0 as usually stated", "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. "
               "Gradient-based learning applied to document recognition. Proc. IEEE, 1998"),
        "digits",
    ),
    Entry(
        "fashion-mnist", "unweave_data.formats.mnist:fashion_mnist",
        "60,000 training and 10,000 test images of clothes, 28 x 28",
        "the folder with the four idx files", "30 MB",
        ("fashion-mnist", "FashionMNIST/raw", "/usr/share/datasets/fashion-mnist"),
        Source("MIT", "H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a novel image dataset for "
               "benchmarking machine learning algorithms. 2017",
               "https://github.com/zalandoresearch/fashion-mnist"),
        "apt-get install dataset-fashion-mnist",
    ),
    Entry(
        "kmnist", "unweave_data.formats.mnist:kmnist",
        "60,000 training and 10,000 test images of cursive Japanese characters, 28 x 28",
        "the folder with the four idx files", "21 MB", ("kmnist", "KMNIST/raw"),
        Source("CC BY-SA 4.0", "T. Clanuwat et al. Deep learning for classical Japanese "
               "literature. 2018", "https://github.com/rois-codh/kmnist"),
    ),
    Entry(
        "emnist", "unweave_data.formats.mnist:emnist",
        "handwritten letters and digits, 28 x 28; kind=balanced, byclass, bymerge, digits, "
        "letters, mnist",
        "the folder with emnist-*-idx3-ubyte and emnist-*-idx1-ubyte, gzipped or not", "560 MB",
        ("emnist", "EMNIST/raw"),
        Source("public domain (NIST)", "G. Cohen, S. Afshar, J. Tapson, A. van Schaik. EMNIST: "
               "extending MNIST to handwritten letters. IJCNN 2017",
               "https://www.nist.gov/itl/products-and-services/emnist-dataset"),
    ),
    Entry(
        "cifar10", "unweave_data.formats.cifar10:cifar10",
        "50,000 training and 10,000 test photographs, 32 x 32 x 3; class 10",
        "the folder with the binary version (data_batch_1.bin ...) or with PNG batches", "178 MB",
        ("cifar10", "cifar-10-batches-bin"),
        Source("not stated", "A. Krizhevsky. Learning multiple layers of features from tiny "
               "images. 2009", "https://www.cs.toronto.edu/~kriz/cifar.html"),
    ),
    Entry(
        "svhn", "unweave_data.formats.svhn:svhn",
        "73,257 training and 26,032 test images of house numbers, 32 x 32 x 3; digit 10",
        "the folder with train_32x32.mat, test_32x32.mat, extra_32x32.mat", "250 MB", ("svhn",),
        Source("for non-commercial use only", "Y. Netzer et al. Reading digits in natural images "
               "with unsupervised feature learning. 2011",
               "http://ufldl.stanford.edu/housenumbers/"),
    ),
    Entry(
        "medmnist", "unweave_data.formats.medmnist:medmnist",
        "medical images, 28 x 28 to 224 x 224, of any two-dimensional set of MedMNIST",
        "the npz of one of its sets, such as pathmnist.npz", "3 to 560 MB each", ("medmnist",),
        Source("CC BY 4.0 (DermaMNIST CC BY-NC 4.0)", "J. Yang et al. MedMNIST v2: a large-scale "
               "lightweight benchmark for 2D and 3D biomedical image classification. 2023",
               "https://medmnist.com"),
    ),
    Entry(
        "lpc-sprites", "unweave_data.formats.lpc_sprites:lpc_sprites",
        "11,664 figures in colour, 64 x 64 x 3; body, clothes, hair, action, direction",
        "an npz with imgs, factor_classes and factor_sizes", "8 MB", ("lpc-sprites",),
        Source("CC BY-SA 3.0 and GPL 3.0", "Liberated Pixel Cup, https://lpc.opengameart.org"),
    ),
    Entry(
        "digits", "unweave_data.formats.digits:digits",
        "1,797 handwritten digits, 8 x 8, from scikit-learn",
        source=Source("CC BY 4.0", "E. Alpaydin, C. Kaynak. Optical recognition of handwritten "
                      "digits. UCI machine learning repository, 1998"),
    ),
    Entry(
        "pinwheel", "unweave_data.rendered.pinwheel:pinwheel",
        "points in the plane, on the arms of a pinwheel", source=_OURS,
    ),
    Entry(
        "gaussian-mixture-100d", "unweave_data.rendered.projected_mixture:projected_mixture",
        "points of a two-dimensional Gaussian mixture, embedded in 100 dimensions", source=_OURS,
    ),
    Entry(
        "images", "unweave_data.own.folder:images", "your folder of images",
        "a folder of bmp, gif, jpg, pgm, png, ppm, tif, webp, in sub-folders or with a CSV of "
        "factors", source=_USERS,
    ),
    Entry(
        "npz", "unweave_data.own.arrays:npz", "your images as arrays, or what disent writes",
        "an npz with images", source=_USERS,
    ),
    Entry(
        "npy", "unweave_data.own.arrays:npy", "your images in one array, read from the disk",
        "an npy with images", source=_USERS,
    ),
    Entry(
        "hdf5", "unweave_data.own.arrays:hdf5", "your images in HDF5, or what disent writes",
        "an HDF5 with images", source=_USERS,
    ),
    Entry(
        "vectors", "unweave_data.own.tables:vectors",
        "your vectors (n, d), such as measurements or gene expression",
        "an npz, npy, csv, tsv, HDF5, or AnnData's h5ad", source=_USERS,
    ),
    Entry(
        "series", "unweave_data.own.tables:series", "your time series (n, t, c)",
        "an npz, npy or HDF5", source=_USERS,
    ),
)  # fmt: skip

BY_NAME = {entry.name: entry for entry in ENTRIES}
