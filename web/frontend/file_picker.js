// Where files and folders are dropped or chosen, and listed while they go up.
import Uppy from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";

const FILES_AT_ONCE = 200;

// `onChange` hears that files came or went. What is chosen is added bit by bit: `added` waits for all of it.
export function createPicker(target, maxFileBytes, onChange) {
  let nAdded = 0;
  const others = { files: {} };
  const uppy = new Uppy({
    // No smallest size: the server says what is wrong with an empty file.
    restrictions: { maxFileSize: maxFileBytes },
    onBeforeFileAdded: (file, files) => {
      // Two different files may share name, size and date; the server knows them apart by their content.
      nAdded += 1;
      return file.id in files || file.id in others.files ? { ...file, id: `${file.id}-${nAdded}` } : true;
    },
  });
  uppy.use(Dashboard, {
    target,
    inline: true,
    width: "100%",
    height: 420,
    theme: "auto",
    proudlyDisplayPoweredByUppy: false,
    fileManagerSelectionType: "both",
    hideUploadButton: true,
    hideRetryButton: false,
    hidePauseResumeButton: true,
    doneButtonHandler: null,
    singleFileFullScreen: false,
    showRemoveButtonAfterComplete: false,
    note: "TIFF, PNG, JPEG, BMP, DM3, DM4, EMD, SER, MRC and more, with their side-cars (.txt, .hdr, .emi); whole folders keep their paths",
    locale: {
      strings: {
        dropPasteBoth: "Drop micrographs or folders here, %{browseFiles} or %{browseFolders}",
        dropHint: "Drop micrographs or folders here",
        browseFiles: "choose files",
        browseFolders: "choose a folder",
        uploadFailed: "Some files did not arrive",
        dataUploadedOfUnknown: "%{complete} so far", // with an empty file among them the library does not know the total
        failedToUpload: "%{file} did not arrive",
      },
    },
  });
  uppy.on("files-added", onChange);
  uppy.on("file-removed", onChange);
  return { uppy, added: addInPortions(uppy, others) };
}

// The library copies the list of all files twice for each one that it adds. So it gets each portion for an empty list, which
// joins the others before anything is drawn; and the page breathes in between.
function addInPortions(uppy, others) {
  const addFiles = uppy.addFiles.bind(uppy);
  let all = Promise.resolve();
  uppy.addFiles = (files) => {
    all = all.then(async () => {
      for (let first = 0; first < files.length; first += FILES_AT_ONCE) {
        others.files = uppy.getState().files;
        uppy.setState({ files: {} });
        try {
          addFiles(files.slice(first, first + FILES_AT_ONCE));
        } finally {
          uppy.setState({ files: { ...others.files, ...uppy.getState().files } });
        }
        await new Promise((resolve) => setTimeout(resolve));
      }
    });
  };
  return () => all;
}

// A name that is not proper Unicode (an old disk, a broken archive) still has to go up.
export function nameOf(file) {
  return (file.meta.relativePath || file.data.name || file.name).replace(/^\/+/, "").toWellFormed();
}

// A side-car that comes after its image has the image analysed twice.
export function putSideCarsFirst(uppy) {
  const isSideCar = (file) => /.\.(txt|hdr|emi)$/i.test(nameOf(file));
  const files = uppy.getFiles();
  const ordered = [...files.filter(isSideCar), ...files.filter((file) => !isSideCar(file))];
  uppy.setState({ files: Object.fromEntries(ordered.map((file) => [file.id, file])) });
}
