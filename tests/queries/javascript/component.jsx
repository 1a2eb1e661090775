import React from "react";

/**
 * A button.
 * @param {object} props - Its properties.
 * @param {string} props.label - Its text.
 */
export const Button = ({ label, onClick = () => {}, ...rest }) => {
  const [pressed, setPressed] = React.useState(false);
  const press = () => setPressed(true);
  return (
    <button {...rest} onClick={() => { press(); onClick(); }}>
      {pressed ? label : <b>{label}</b>}
    </button>
  );
};

export default function App() {
  return <Button label="🎉" />;
}
